//! The little of DER (X.690) that tells what kind of key or certificate something is. Signatures, names and the rest are the
//! TLS library's; it does not say what it has against a key, and parses no certificate of version 1.

/// An element of DER.
#[derive(Clone, Copy)]
pub struct Element<'a> {
    /// Its tag.
    pub tag: u8,
    /// What is in it.
    pub contents: &'a [u8],
    /// All of it, tag and length too.
    pub whole: &'a [u8],
}

/// The tag of a sequence.
pub const SEQUENCE: u8 = 0x30;

/// The tag of the first element that is told by its place alone.
pub const FIRST: u8 = 0xa0;

/// The elements of `bytes`, up to the first that is none.
pub fn elements(mut bytes: &[u8]) -> impl Iterator<Item = Element<'_>> {
    std::iter::from_fn(move || {
        let (&[tag, first], _) = bytes.split_first_chunk()?;
        let (head, length) = match first {
            0..=0x7f => (2, usize::from(first)),
            0x81..=0x84 => {
                let count = usize::from(first - 0x80);
                let length = bytes.get(2..2 + count)?.iter();
                let length = length.fold(0, |sum, byte| (sum << 8) | usize::from(*byte));
                (2 + count, length)
            }
            _ => return None,
        };
        let end = head.checked_add(length)?;
        let whole = bytes.get(..end)?;
        bytes = bytes.get(end..)?;
        let contents = &whole[head..];
        Some(Element {
            tag,
            contents,
            whole,
        })
    })
}

/// The elements of the sequence that `bytes` is.
pub fn sequence(bytes: &[u8]) -> Option<Vec<Element<'_>>> {
    let outer = elements(bytes).next()?;
    (outer.tag == SEQUENCE).then(|| elements(outer.contents).collect())
}

/// What a certificate says of itself (RFC 5280, section 4.1).
pub struct Certificate<'a> {
    /// Whether it names itself as who signed it.
    pub is_self_issued: bool,
    /// The public key, tag and all.
    pub key: &'a [u8],
    /// Its extensions.
    pub extensions: Vec<Element<'a>>,
}

impl<'a> Certificate<'a> {
    /// Of any version; `None` for what is none.
    pub fn of(bytes: &'a [u8]) -> Option<Self> {
        let outer = sequence(bytes)?;
        let [signed, _, _] = outer.as_slice() else {
            return None;
        };
        let fields: Vec<Element<'a>> = elements(signed.contents).collect();
        // Version 1 is the one that is left out.
        let fields = match fields.first()?.tag {
            FIRST => fields.get(1..)?,
            _ => fields.as_slice(),
        };
        let [_, _, issuer, _, subject, key, rest @ ..] = fields else {
            return None;
        };
        let extensions = rest.iter().find(|field| field.tag == 0xa3);
        Some(Self {
            is_self_issued: issuer.whole == subject.whole,
            key: key.whole,
            extensions: extensions
                .and_then(|field| sequence(field.contents))
                .unwrap_or_default(),
        })
    }

    /// The value of an extension.
    pub fn extension(&self, id: &[u8]) -> Option<&'a [u8]> {
        self.extensions.iter().find_map(|extension| {
            let parts: Vec<Element<'a>> = elements(extension.contents).collect();
            let value = parts.last()?;
            (parts.first()?.contents == id).then_some(value.contents)
        })
    }
}
