//! What all mutations answer beside the changed object.

use async_graphql::{Enum, SimpleObject};

/// What is wrong with an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(super) enum UserErrorCode {
    /// What the field names does not exist.
    NotFound,
    /// The field's value cannot be meant.
    Invalid,
    /// The field is needed, or one of several.
    Required,
    /// Something else has it already.
    Taken,
}

/// Something that the asker can mend in the input. Where there is one, nothing was changed.
#[derive(SimpleObject)]
pub(super) struct UserError {
    /// The way to the field of the input, such as `["input", "name"]`; empty where no one field is to blame.
    field: Vec<String>,
    /// What is wrong, in one sentence.
    message: String,
    /// The same for programs.
    code: UserErrorCode,
}

impl UserError {
    pub(super) fn new(field: &str, message: &str, code: UserErrorCode) -> Self {
        Self { field: vec!["input".to_owned(), field.to_owned()], message: message.to_owned(), code }
    }

    /// About a setting, such as `filters.tags`, of the input's field `settings`.
    pub(super) fn setting(setting: &str, message: String, code: UserErrorCode) -> Self {
        let field = ["input", "settings"].into_iter().chain(setting.split('.')).map(str::to_owned).collect();
        Self { field, message, code }
    }
}
