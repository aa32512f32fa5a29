//! Clients: FreshBooks' customers. E-mail addresses are not unique there.

use serde_json::{Map, Value, json};

use super::{
    Books, Error, Request, Told, filled,
    model::{Client, ClientDraft, VisState},
};

const PATH: &str = "users/clients";

/// Creates a client. Fields that are empty in the draft are not sent.
pub fn create(draft: &ClientDraft) -> Request {
    Request::create(PATH, "client", filled(draft))
}

/// Changes these fields, and no others. `vis_state` goes alone: FreshBooks drops whatever comes with it.
pub fn update(id: i64, fields: &Map<String, Value>) -> Request {
    Request::update(PATH, id, "", "client", fields.clone().into())
}

/// Deletes, archives or brings back.
pub fn set_vis_state(id: i64, state: VisState) -> Request {
    Request::update(PATH, id, "", "client", json!({ "vis_state": state }))
}

impl Books {
    /// Sends what a function of [`super::clients`] made. After [`Error::Unknown`] look for the client by e-mail or marker.
    ///
    /// # Errors
    /// As any write; see [`Error`].
    pub async fn send_client(&self, request: &Request) -> Result<Told<Client>, Error> {
        self.write(request, "client").await
    }

    /// The client `id`, also when archived or deleted.
    ///
    /// # Errors
    /// As any read; see [`Error`].
    pub async fn client(&self, id: i64) -> Result<Option<Told<Client>>, Error> {
        self.find(&format!("{PATH}/{id}"), &[], "client").await
    }

    /// How many active clients there are. Rows that we may not see can be among them.
    ///
    /// # Errors
    /// As any read; see [`Error`].
    pub async fn active_clients(&self) -> Result<u64, Error> {
        let query = [("search[vis_state]", "0"), ("page", "1"), ("per_page", "1")];
        let answer = self.get(PATH, &query).await?;
        let total = answer["response"]["result"]["total"].as_u64();
        total.ok_or_else(|| Error::Malformed("no total".to_owned()))
    }

    /// The active and archived clients with this address, in any case; newest first as a rule.
    ///
    /// # Errors
    /// As any read; see [`Error`].
    pub async fn clients_by_email(&self, email: &str) -> Result<Vec<Told<Client>>, Error> {
        let wanted = email.trim().to_lowercase();
        let rows: Vec<Told<Client>> = self.list(PATH, &[("search[email]", &wanted)], "clients").await?;
        // A key that FreshBooks does not know finds everybody.
        Ok(rows.into_iter().filter(|client| client.email.trim().to_lowercase() == wanted).collect())
    }

    /// The active and archived clients whose note holds `marker`: how ours are found again.
    ///
    /// # Errors
    /// As any read; see [`Error`].
    pub async fn clients_by_note(&self, marker: &str) -> Result<Vec<Told<Client>>, Error> {
        let rows: Vec<Told<Client>> = self.list(PATH, &[("search[note_like]", marker)], "clients").await?;
        Ok(rows.into_iter().filter(|client| client.note.contains(marker)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};

    fn page(page: u64, pages: u64, rows: Value) -> Reply {
        Reply::json(200, json!({"response": {"result": {"clients": rows, "page": page, "pages": pages, "total": 900}}}))
    }

    #[tokio::test]
    async fn an_address_finds_all_pages_and_nobody_else() {
        let first = json!([
            {"id": 3, "email": "Sam@Example.com", "note": null, "vis_state": 0, "new_field": {}},
            {"id": 2, "email": "other@example.com", "vis_state": 0}]);
        let second =
            json!([{"id": 3, "email": "sam@example.com"}, {"id": "1", "email": "sam@example.com", "vis_state": 2}]);
        let server = Server::start([page(1, 2, first), page(2, 2, second)]).await;
        let found = server.books().clients_by_email("sam+x@example.com").await.unwrap();
        assert!(found.is_empty(), "only what is equal counts");
        let asked: Vec<String> = server.seen().into_iter().map(|seen| seen.path).collect();
        assert_eq!(
            asked[0],
            "/accounting/account/ZyX01a/users/clients?search%5Bemail%5D=sam%2Bx%40example.com&page=1&per_page=100"
        );
        assert_eq!(asked.len(), 2);

        let rows =
            json!([{"id": 3, "email": "Sam@Example.com"}, {"id": 1, "email": "sam@example.com", "vis_state": 2}]);
        let server = Server::start([page(1, 1, rows)]).await;
        let found = server.books().clients_by_email(" SAM@example.com").await.unwrap();
        let found: Vec<_> = found.into_iter().map(|client| (client.id, client.vis_state)).collect();
        assert_eq!(found, [(3, VisState::Active), (1, VisState::Archived)]);
    }

    #[tokio::test]
    async fn active_clients_are_counted_by_one_row() {
        let server =
            Server::start([page(1, 900, json!([{"id": 1}])), Reply::json(200, json!({"response": {"result": {}}}))]);
        let server = server.await;
        assert_eq!(server.books().active_clients().await.unwrap(), 900);
        let asked = &server.seen()[0].path;
        assert!(asked.ends_with("users/clients?search%5Bvis_state%5D=0&page=1&per_page=1"), "{asked}");
        assert!(matches!(server.books().active_clients().await, Err(Error::Malformed(_))));
    }

    #[tokio::test]
    async fn a_list_that_claims_more_than_it_shows_ends() {
        let server = Server::start([page(1, 9, json!([{"id": 1, "note": "ref 7"}])), page(2, 9, json!([]))]).await;
        assert_eq!(server.books().clients_by_note("ref 7").await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_list_that_does_not_say_how_many_pages_it_has_is_read_until_nothing_new_comes() {
        let bare =
            |id: i64| Reply::json(200, json!({"response": {"result": {"clients": [{"id": id, "note": "ref 7"}]}}}));
        let server = Server::start([bare(1), bare(2), bare(2)]).await;
        assert_eq!(server.books().clients_by_note("ref 7").await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn an_unknown_client_is_none_but_an_unknown_account_is_an_error() {
        let unknown = |message: &str| {
            Reply::json(404, json!({"response": {"errors": [{"errno": 1012, "field": "userid", "message": message}]}}))
        };
        let server = Server::start([unknown("Client not found."), unknown("Account not found.")]).await;
        assert!(server.books().client(5).await.unwrap().is_none());
        assert!(matches!(server.books().client(5).await, Err(Error::NotFound(_))));
    }

    #[test]
    fn a_draft_sends_only_what_it_knows() {
        let draft = ClientDraft { fname: "Sam".into(), email: "sam@example.com".into(), ..ClientDraft::default() };
        let request = create(&draft);
        assert_eq!(request.body, json!({"client": {"fname": "Sam", "email": "sam@example.com"}}));
        assert_eq!(format!("{request:?}"), "POST users/clients", "people stay out of logs");
    }
}
