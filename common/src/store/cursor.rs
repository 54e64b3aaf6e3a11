//! The cursor of a listing: where the next page begins, opaque to the client and checked when it comes back.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::problem::Problem;

/// No cursor is longer: it has to fit a request line of 10 KB with room for everything else.
pub const MAX_CURSOR_BYTES: usize = 6 * 1024;
const CHECKSUM_BYTES: usize = 8;
const FILTER_BYTES: usize = 8;

/// The order after which a page begins. It need not exist any more: it is a place, not an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub id: String,
    /// Its date; empty where the listing has no order by date.
    pub order_date: String,
    /// Which of the merged streams it was in.
    pub stream: u8,
}

impl Position {
    /// The cursor for a listing whose filter is described by `filter`.
    #[must_use]
    pub fn to_cursor(&self, filter: &str) -> String {
        let content = [
            &digest::<FILTER_BYTES>(filter.as_bytes())[..],
            &self.to_bytes(),
        ]
        .concat();
        let checksum = digest::<CHECKSUM_BYTES>(&content);
        URL_SAFE_NO_PAD.encode([&checksum[..], &content].concat())
    }

    /// The position in a cursor that came back.
    ///
    /// # Errors
    ///
    /// [`Problem::InvalidParameter`] when it is damaged, or made for a listing with another filter.
    pub fn from_cursor(cursor: &str, filter: &str) -> Result<Self, Problem> {
        let damaged =
            || Problem::invalid_parameter("cursor", "is not one that this service gave out");
        if cursor.len() > MAX_CURSOR_BYTES {
            return Err(damaged());
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| damaged())?;
        let (checksum, content) = bytes.split_at_checked(CHECKSUM_BYTES).ok_or_else(damaged)?;
        if *checksum != digest::<CHECKSUM_BYTES>(content) {
            return Err(damaged());
        }
        let (made_for, position) = content.split_at_checked(FILTER_BYTES).ok_or_else(damaged)?;
        if *made_for != digest::<FILTER_BYTES>(filter.as_bytes()) {
            let requirement = "belongs to a listing with other product, from, to or sort";
            return Err(Problem::invalid_parameter("cursor", requirement));
        }
        Self::from_bytes(position).ok_or_else(damaged)
    }

    /// The stream, the length of the date, the date, the id. As bytes and not as JSON, because the longest keys
    /// that DynamoDB takes have to fit whatever they consist of.
    fn to_bytes(&self) -> Vec<u8> {
        let date = self.order_date.as_bytes();
        // A sort key has at most 1,024 bytes.
        let date_length = u16::try_from(date.len()).unwrap_or(u16::MAX).to_be_bytes();
        [&[self.stream][..], &date_length, date, self.id.as_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let ([stream, high, low], rest) = bytes.split_first_chunk::<3>()?;
        let (date, id) = rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        Some(Self {
            id: text(id)?,
            order_date: text(date)?,
            stream: *stream,
        })
    }
}

fn digest<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut start = [0; N];
    start.copy_from_slice(&Sha256::digest(bytes)[..N]);
    start
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_position() -> impl Strategy<Value = Position> {
        (".{1,60}", ".{0,30}", any::<u8>()).prop_map(|(id, order_date, stream)| Position {
            id,
            order_date,
            stream,
        })
    }

    #[test]
    fn the_longest_keys_of_dynamodb_fit() {
        let position = Position {
            id: "\0".repeat(2_048),
            order_date: "d".repeat(1_024),
            stream: 7,
        };
        assert!(position.to_cursor("").len() <= MAX_CURSOR_BYTES);
    }

    proptest! {
        #[test]
        fn a_cursor_comes_back_as_it_went_out(position in any_position(), filter in ".{0,20}") {
            let cursor = position.to_cursor(&filter);
            prop_assert!(cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            prop_assert_eq!(Position::from_cursor(&cursor, &filter).unwrap(), position);
        }

        #[test]
        fn a_changed_cursor_is_refused(position in any_position(), at: prop::sample::Index, by in 1..=255_u8) {
            let mut bytes = position.to_cursor("").into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = bytes[at].wrapping_add(by);
            let changed = String::from_utf8_lossy(&bytes).into_owned();
            prop_assert!(Position::from_cursor(&changed, "").is_err());
        }

        #[test]
        fn a_cursor_of_another_filter_is_refused(position in any_position()) {
            prop_assert!(Position::from_cursor(&position.to_cursor("a"), "b").is_err());
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}") {
            let _ = Position::from_cursor(&text, "");
        }
    }
}
