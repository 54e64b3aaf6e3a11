//! Requests.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use axum::http::Method;

use crate::answer::Answer;
use crate::service::Service;

/// A request in the making. Awaiting it sends it.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    service: &'a Service,
    pub(crate) method: Method,
    /// The path and the query, exactly as they go out.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(service: &'a Service, method: Method, target: &str) -> Self {
        Self {
            service,
            method,
            target: target.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Adds a header, which may be there already.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self
    }

    pub fn content_type(self, value: &str) -> Self {
        self.without_header("content-type")
            .header("content-type", value)
    }

    pub fn if_match(self, tag: &str) -> Self {
        self.header("if-match", tag)
    }

    pub fn if_none_match(self, tag: &str) -> Self {
        self.header("if-none-match", tag)
    }

    pub fn idempotency_key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The answer, or why there is none: for a service that may go away.
    pub async fn attempt(self) -> Result<Answer, String> {
        self.service.try_send(self.clone()).await
    }
}

impl<'a> IntoFuture for Call<'a> {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let answer = self.service.try_send(self.clone()).await;
            answer.unwrap_or_else(|error| panic!("no answer: {error}"))
        })
    }
}
