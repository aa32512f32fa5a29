//! `ml-connector schema`: the GraphQL schema as text; `schema.graphql` is its output.

use super::output;

pub(super) fn run() -> anyhow::Result<()> {
    output::line(ml_connector::graphql::sdl().trim_end())
}
