//! A refusal of the accounting family, in either of its two shapes.

use serde_json::{Value, json};

use super::options::ErrorStyle;

/// Why a call was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) http: u16,
    pub(super) errno: u32,
    pub(super) message: String,
    pub(super) object: &'static str,
    pub(super) field: String,
    pub(super) value: String,
}

impl Problem {
    pub(super) fn new(http: u16, errno: u32, message: impl Into<String>) -> Problem {
        Problem { http, errno, message: message.into(), object: "", field: String::new(), value: String::new() }
    }

    /// Names the culprit.
    pub(super) fn at(self, object: &'static str, field: &str, value: impl ToString) -> Problem {
        Problem { object, field: field.to_owned(), value: value.to_string(), ..self }
    }

    pub(super) fn missing(object: &'static str, field: &str) -> Problem {
        Problem::new(422, 1001, format!("'{field}' is a required field.")).at(object, field, "")
    }

    pub(super) fn read_only(object: &'static str, field: &str) -> Problem {
        Problem::new(403, 1038, format!("The field '{field}' is read-only.")).at(object, field, "")
    }

    pub(super) fn invalid(object: &'static str, field: &str, value: impl ToString, why: &str) -> Problem {
        Problem::new(422, 1004, format!("The field '{field}' {why}.")).at(object, field, value)
    }

    pub(super) fn not_a_number(object: &'static str, field: &str, value: impl ToString) -> Problem {
        Problem::new(422, 1015, format!("The field '{field}' must be a number.")).at(object, field, value)
    }

    pub(super) fn not_a_date(object: &'static str, field: &str, value: impl ToString) -> Problem {
        Problem::new(422, 1033, format!("The field '{field}' must be a date.")).at(object, field, value)
    }

    pub(super) fn not_a_bool(object: &'static str, field: &str, value: impl ToString) -> Problem {
        Problem::new(422, 1031, format!("The field '{field}' must be a boolean.")).at(object, field, value)
    }

    /// Nothing has that id.
    pub(super) fn unknown(object: &'static str, field: &str, value: impl ToString) -> Problem {
        let mut name = object.replace('_', " ");
        name[..1].make_ascii_uppercase();
        Problem::new(404, 1012, format!("{name} not found.")).at(object, field, value)
    }

    /// It was, and is deleted.
    pub(super) fn deleted(object: &'static str, field: &str, value: impl ToString) -> Problem {
        Problem::new(422, 1011, format!("The {object} has been deleted.")).at(object, field, value)
    }

    pub(super) fn unauthorized() -> Problem {
        let message = "The server could not verify that you are authorized to access the URL requested.";
        Problem::new(401, 1003, message)
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Problem {
        Problem::new(403, 1003, message)
    }

    /// The answer's body.
    pub(super) fn body(&self, style: ErrorStyle) -> Value {
        match style {
            ErrorStyle::Old => json!({"response": {"errors": [{
                "errno": self.errno, "field": self.field, "message": self.message,
                "object": self.object, "value": self.value,
            }]}}),
            ErrorStyle::New => json!({
                "code": self.rpc_code(),
                "message": format!("Request failed with status_code: {}", self.http),
                "details": [{
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": self.errno.to_string(),
                    "domain": "accounting.api.freshbooks.com",
                    "metadata": {
                        "object": self.object, "message": self.message, "value": self.value, "field": self.field,
                    },
                }],
            }),
        }
    }

    fn rpc_code(&self) -> u32 {
        match self.http {
            400 | 422 => 3,
            401 => 16,
            403 => 7,
            404 => 5,
            409 => 10,
            429 => 8,
            _ => 13,
        }
    }
}
