//! Answers, and what a test expects of them.

use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;

/// An answer as the client has it. Bodies are compared as text: parsing them would hide what becomes of numbers.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub(crate) fn new(status: StatusCode, headers: HeaderMap, body: &[u8]) -> Self {
        Self {
            status: status.as_u16(),
            headers,
            body: String::from_utf8(body.to_vec()).expect("every body of this service is text"),
        }
    }

    /// The answer, which has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:#?}");
        self
    }

    /// The header's value; the test ends where there is none.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.find_header(name)
            .unwrap_or_else(|| panic!("no {name}: {self:#?}"))
    }

    pub fn find_header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| {
            value
                .to_str()
                .expect("every header of this service is text")
        })
    }

    #[track_caller]
    pub fn etag(&self) -> String {
        self.header("etag").to_owned()
    }

    /// The body, for what is not a number.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The ids of a page, in its order.
    #[track_caller]
    pub fn ids(&self) -> Vec<String> {
        let json = self.json();
        let orders = json["orders"].as_array().expect("a page has orders");
        orders
            .iter()
            .map(|order| order["id"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// The error with this status and code, which is all that an error of the service must be.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Problem {
        let answer = self.expect(status);
        assert_eq!(
            answer.header("content-type"),
            "application/problem+json",
            "{answer:#?}"
        );
        let json = answer.json();
        assert_eq!(json["code"], code, "{answer:#?}");
        assert_eq!(json["type"], format!("urn:orders:problem:{code}"));
        assert_eq!(json["status"], status);
        assert_eq!(json["request_id"], answer.header("x-request-id"));
        for member in ["title", "detail"] {
            assert!(
                json[member].as_str().is_some_and(|text| !text.is_empty()),
                "{answer:#?}"
            );
        }
        Problem { answer, json }
    }

    /// API Gateway's own answer, which no function has seen.
    #[track_caller]
    pub fn gateway(self, status: u16, message: &str) {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.body, format!(r#"{{"message":"{message}"}}"#));
        assert_eq!(answer.find_header("x-request-id"), None);
    }
}

/// An error of the service.
#[derive(Clone, Debug)]
pub struct Problem {
    pub answer: Answer,
    pub json: Value,
}

impl Problem {
    pub fn detail(&self) -> &str {
        self.json["detail"].as_str().unwrap_or_default()
    }

    /// The pointers of all violations, sorted.
    pub fn pointers(&self) -> Vec<&str> {
        let errors = self.json["errors"].as_array().map(Vec::as_slice);
        let mut pointers: Vec<_> = errors
            .unwrap_or_default()
            .iter()
            .map(|error| error["pointer"].as_str().unwrap_or_default())
            .collect();
        pointers.sort_unstable();
        pointers
    }

    /// The error under its original name.
    #[track_caller]
    pub fn original(self, error_type: &str) -> Self {
        assert_eq!(self.json["errorType"], error_type, "{self:#?}");
        assert_eq!(self.json["errorMessage"], self.json["detail"], "{self:#?}");
        self
    }
}
