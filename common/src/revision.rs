//! Revisions and entity tags (RFC 9110 §8.8.3), and the conditions that clients put on them (§13.1).

use sha2::{Digest, Sha256};

use crate::clock;
use crate::item::{AttributeValue, Item, REVISION, write_attribute};
use crate::problem::Problem;

/// The mark of one write: 128 random bits, stored on the item as `_rev`. Found in the table, it says that
/// this very write was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision(String);

impl Revision {
    #[must_use]
    pub fn new() -> Self {
        Self(clock::random_hex())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn to_attribute(&self) -> AttributeValue {
        AttributeValue::S(self.0.clone())
    }

    /// Whether `item` is what the write of this revision left.
    #[must_use]
    pub fn made(&self, item: &Item) -> bool {
        matches!(item.get(REVISION), Some(AttributeValue::S(text)) if *text == self.0)
    }
}

impl Default for Revision {
    fn default() -> Self {
        Self::new()
    }
}

/// A strong entity tag, without its quotes.
///
/// Of an item that this service wrote it is the revision. Any other item's is a digest of its content, so
/// that it has one too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityTag(String);

impl EntityTag {
    #[must_use]
    pub fn of(item: &Item) -> Self {
        match item.get(REVISION) {
            Some(AttributeValue::S(text)) if is_revision(text) => Self(text.clone()),
            _ => Self::of_content(item),
        }
    }

    fn of_content(item: &Item) -> Self {
        let mut content = Vec::new();
        write_attribute(&AttributeValue::M(item.clone()), &mut content);
        let digest = Sha256::digest(&content);
        // Longer than a revision, so that the two are never taken for each other.
        Self(format!("content-{}", hex(&digest[..16])))
    }

    /// Whether a write can be conditional on this tag without the item being read first.
    #[must_use]
    pub fn is_revision(&self) -> bool {
        is_revision(&self.0)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of an `ETag` header.
    #[must_use]
    pub fn to_header(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

/// Two hexadecimal digits a byte.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn is_revision(text: &str) -> bool {
    text.len() == 32
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// What must hold for a write to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    #[default]
    None,
    /// `If-Match: *`: there is an order.
    Exists,
    /// `If-None-Match: *`: there is none.
    Absent,
    /// `If-Match: "…", …`: the order has one of these tags.
    Matches(Vec<EntityTag>),
    /// `If-Match` and `If-None-Match: *` together: never.
    Never,
}

impl Precondition {
    /// The same for a write of what exists: `If-None-Match: *` never holds there.
    #[must_use]
    pub fn of_existing(&self) -> Self {
        match self {
            Self::Absent => Self::Never,
            other => other.clone(),
        }
    }

    /// From the values of `If-Match` and `If-None-Match` on a `PUT`.
    ///
    /// # Errors
    ///
    /// [`Problem::InvalidParameter`] for a malformed `If-Match`, and for an `If-None-Match` other than `*`.
    pub fn parse(if_match: Option<&str>, if_none_match: Option<&str>) -> Result<Self, Problem> {
        let absent = match if_none_match.map(str::trim) {
            None => false,
            Some("*") => true,
            Some(_) => {
                return Err(Problem::invalid_parameter(
                    "If-None-Match",
                    "on a write must be *",
                ));
            }
        };
        let matches = if_match
            .map(TagList::parse)
            .transpose()
            .map_err(|NotATagList| {
                Problem::invalid_parameter(
                    "If-Match",
                    "must be * or a list of entity tags, such as \"abc\"",
                )
            })?;
        Ok(match (matches, absent) {
            (None, false) => Self::None,
            (None, true) => Self::Absent,
            (Some(_), true) => Self::Never,
            (Some(TagList::Any), false) => Self::Exists,
            // If-Match compares strongly (RFC 9110 §13.1.1): a weak tag never matches.
            (Some(TagList::Tags(tags)), false) => Self::Matches(
                tags.into_iter()
                    .filter(|tag| !tag.weak)
                    .map(|tag| tag.tag)
                    .collect(),
            ),
        })
    }

    /// Whether it holds for an order that is there.
    #[must_use]
    pub fn holds_for(&self, item: &Item) -> bool {
        match self {
            Self::None | Self::Exists => true,
            Self::Absent | Self::Never => false,
            Self::Matches(tags) => tags.contains(&EntityTag::of(item)),
        }
    }
}

/// A list of entity tags, or `*`, as `If-Match` and `If-None-Match` have it.
pub enum TagList {
    Any,
    Tags(Vec<ListedTag>),
}

/// An entity tag as a client wrote it.
pub struct ListedTag {
    weak: bool,
    tag: EntityTag,
}

struct NotATagList;

impl TagList {
    /// The value of an `If-None-Match` (RFC 9110 §13.1.2) on a read.
    ///
    /// # Errors
    ///
    /// [`Problem::InvalidParameter`] when it is malformed.
    pub fn parse_if_none_match(value: &str) -> Result<Self, Problem> {
        Self::parse(value).map_err(|NotATagList| {
            Problem::invalid_parameter(
                "If-None-Match",
                "must be * or a list of entity tags, such as \"abc\"",
            )
        })
    }

    /// Whether the list names this tag, by weak comparison: `W/` makes no difference.
    #[must_use]
    pub fn names(&self, tag: &EntityTag) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|listed| listed.tag == *tag),
        }
    }

    /// `*`, or entity tags with commas between them. Empty elements count for nothing (RFC 9110 §5.6.1.2), but
    /// one tag there must be.
    fn parse(value: &str) -> Result<Self, NotATagList> {
        let mut rest = value.trim_matches([' ', '\t']);
        if rest == "*" {
            return Ok(Self::Any);
        }
        let mut tags = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix(',') {
                rest = after.trim_start_matches([' ', '\t']);
                continue;
            }
            let (weak, quoted) = rest
                .strip_prefix("W/")
                .map_or((false, rest), |quoted| (true, quoted));
            let (tag, after) = quoted
                .strip_prefix('"')
                .and_then(|opened| opened.split_once('"'))
                .ok_or(NotATagList)?;
            if !tag
                .bytes()
                .all(|byte| byte == 0x21 || (0x23..=0x7e).contains(&byte) || byte >= 0x80)
            {
                return Err(NotATagList);
            }
            tags.push(ListedTag {
                weak,
                tag: EntityTag(tag.to_owned()),
            });
            rest = after.trim_start_matches([' ', '\t']);
            if !rest.is_empty() && !rest.starts_with(',') {
                return Err(NotATagList);
            }
        }
        if tags.is_empty() {
            Err(NotATagList)
        } else {
            Ok(Self::Tags(tags))
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn tags(texts: &[&str]) -> Precondition {
        Precondition::Matches(
            texts
                .iter()
                .map(|text| EntityTag((*text).to_owned()))
                .collect(),
        )
    }

    #[rstest]
    #[case("*", Precondition::Exists)]
    #[case("\"a\"", tags(&["a"]))]
    #[case("\"a\", W/\"b\",\"c\"", tags(&["a", "c"]))]
    #[case(" , \"a\" ,, ", tags(&["a"]))]
    #[case("\"\"", tags(&[""]))]
    #[case("\"a,b\"", tags(&["a,b"]))]
    #[case("W/\"a\"", tags(&[]))]
    fn if_match_is_a_list_of_tags(#[case] value: &str, #[case] expected: Precondition) {
        assert_eq!(Precondition::parse(Some(value), None).unwrap(), expected);
    }

    #[rstest]
    #[case("")]
    #[case("a")]
    #[case("\"a")]
    #[case("\"a\" \"b\"")]
    #[case("\"a b\"")]
    #[case("*, \"a\"")]
    #[case("w/\"a\"")]
    #[case(",")]
    fn a_malformed_if_match_is_refused(#[case] value: &str) {
        assert!(matches!(
            Precondition::parse(Some(value), None),
            Err(Problem::InvalidParameter { .. })
        ));
    }

    #[test]
    fn the_tag_of_an_item_of_another_program_follows_its_content() {
        let item =
            |price: &str| Item::from([("price".to_owned(), AttributeValue::N(price.to_owned()))]);
        assert_eq!(EntityTag::of(&item("1")), EntityTag::of(&item("1")));
        assert_ne!(EntityTag::of(&item("1")), EntityTag::of(&item("2")));
        assert!(!EntityTag::of(&item("1")).is_revision());
    }
}
