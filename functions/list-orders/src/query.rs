//! The query of a listing: every parameter known, each at most once.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use common::json::quoted;
use common::order::utc_to_the_second;
use common::problem::Problem;
use common::store::{Direction, Listing};
use percent_encoding::percent_decode_str;
use utoipa::IntoParams;

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 100;
/// DynamoDB's limit for the partition key of an index.
const MAX_PRODUCT_BYTES: usize = 2_048;

/// What to list, and the parameters it came from, for the link to the next page.
pub struct ListQuery {
    listing: Listing,
    parameters: Vec<(String, String)>,
}

/// The parameters as the API's description has them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "it describes the query, which is read by ListQuery::parse"
)]
struct Parameters {
    /// How many orders a page holds.
    #[param(nullable = false, minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// Only orders of exactly this product.
    #[param(nullable = false, min_length = 1, example = "Beautiful Jacket")]
    product: Option<String>,
    /// Only orders with an `order_date` from this one on (RFC 3339 with an offset).
    #[param(nullable = false, format = DateTime)]
    from: Option<String>,
    /// Only orders with an `order_date` before this one (RFC 3339 with an offset).
    #[param(nullable = false, format = DateTime)]
    to: Option<String>,
    /// By `order_date`: `order_date` oldest first, `-order_date` newest first (the default of the listings by
    /// date).
    #[param(nullable = false, pattern = "^-?order_date$")]
    sort: Option<String>,
    /// The `next_cursor` of the page before.
    #[param(nullable = false, max_length = 6144)]
    cursor: Option<String>,
}

impl IntoParams for ListQuery {
    fn into_params(
        parameter_in_provider: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
    ) -> Vec<utoipa::openapi::path::Parameter> {
        Parameters::into_params(parameter_in_provider)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ListQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

impl ListQuery {
    pub fn listing(&self) -> &Listing {
        &self.listing
    }

    /// The next page, by the same parameters.
    pub fn link_to(&self, cursor: &str) -> String {
        let same = self.parameters.iter().filter(|(name, _)| name != "cursor");
        let pairs = same
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .chain([("cursor", cursor)]);
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        format!("/orders?{query}")
    }

    fn parse(query: &str) -> Result<Self, Problem> {
        if percent_decode_str(query).decode_utf8().is_err() {
            return Err(Problem::invalid_parameter("the query", "must be UTF-8"));
        }
        let parameters: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let mut listing = Listing {
            limit: DEFAULT_LIMIT,
            ..Listing::default()
        };
        for (index, (name, value)) in parameters.iter().enumerate() {
            if parameters[..index]
                .iter()
                .any(|(earlier, _)| earlier == name)
            {
                return Err(Problem::invalid_parameter(
                    &quoted(name),
                    "is given more than once",
                ));
            }
            match name.as_str() {
                "limit" => listing.limit = limit(value)?,
                "product" => listing.product = Some(product(value)?),
                "from" => listing.from = Some(date("from", value)?),
                "to" => listing.to = Some(date("to", value)?),
                "sort" => listing.sort = Some(direction(value)?),
                "cursor" => listing.cursor = Some(value.clone()),
                _ => {
                    let requirement = "is not a parameter of this route: limit, product, from, to, sort, cursor are";
                    return Err(Problem::invalid_parameter(&quoted(name), requirement));
                }
            }
        }
        Ok(Self {
            listing,
            parameters,
        })
    }
}

fn limit(value: &str) -> Result<usize, Problem> {
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    let limit = is_number.then(|| value.parse().ok()).flatten();
    limit
        .filter(|limit| (1..=MAX_LIMIT).contains(limit))
        .ok_or_else(|| Problem::invalid_parameter("limit", "must be a whole number from 1 to 100"))
}

fn product(value: &str) -> Result<String, Problem> {
    if (1..=MAX_PRODUCT_BYTES).contains(&value.len()) {
        Ok(value.to_owned())
    } else {
        Err(Problem::invalid_parameter(
            "product",
            "must be 1 to 2048 bytes long",
        ))
    }
}

fn date(name: &str, value: &str) -> Result<String, Problem> {
    let requirement = if value.contains(' ') {
        "must be an RFC 3339 date and time with an offset; in a query a plus sign means a blank: write %2B"
    } else {
        "must be an RFC 3339 date and time with an offset, such as 2024-11-04T10:30:00Z"
    };
    utc_to_the_second(value).ok_or_else(|| Problem::invalid_parameter(name, requirement))
}

fn direction(value: &str) -> Result<Direction, Problem> {
    match value {
        "order_date" => Ok(Direction::OldestFirst),
        "-order_date" => Ok(Direction::NewestFirst),
        _ => Err(Problem::invalid_parameter(
            "sort",
            "must be order_date or -order_date",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(query: &str) -> String {
        match ListQuery::parse(query) {
            Err(Problem::InvalidParameter { detail }) => detail,
            other => panic!("{query}: {}", other.is_ok()),
        }
    }

    #[test]
    fn every_parameter_is_read() {
        let query = ListQuery::parse(
            "limit=7&product=A%26B+C&from=2024-11-04T12:30:00.5%2B02:00&to=2025-01-01T00:00:00Z&sort=order_date&cursor=x",
        )
        .unwrap();
        let listing = query.listing();
        assert_eq!(listing.limit, 7);
        assert_eq!(listing.product.as_deref(), Some("A&B C"));
        assert_eq!(listing.from.as_deref(), Some("2024-11-04T10:30:00Z"));
        assert_eq!(listing.to.as_deref(), Some("2025-01-01T00:00:00Z"));
        assert_eq!(listing.sort, Some(Direction::OldestFirst));
        assert_eq!(
            query.link_to("y"),
            "/orders?limit=7&product=A%26B+C&from=2024-11-04T12%3A30%3A00.5%2B02%3A00\
             &to=2025-01-01T00%3A00%3A00Z&sort=order_date&cursor=y"
        );
    }

    #[test]
    fn an_unusable_parameter_is_named() {
        for limit in ["", "0", "101", "+5", "5.0", "x", "99999999999999999999999"] {
            assert!(
                detail(&format!("limit={limit}")).starts_with("limit "),
                "{limit}"
            );
        }
        assert!(detail("from=2024-11-04").starts_with("from "));
        assert!(detail("to=yesterday").starts_with("to "));
        assert!(detail("sort=price").starts_with("sort "));
        assert!(detail("product=").starts_with("product "));
        assert!(detail("page=2").contains("\"page\""));
        assert!(detail("limit=1&limit=2").contains("\"limit\""));
    }

    #[test]
    fn an_unescaped_plus_is_explained() {
        assert!(detail("from=2024-11-04T12:30:00+02:00").contains("%2B"));
    }
}
