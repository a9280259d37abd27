//! Words with wildcards.

/// A word, perhaps with wildcards. Two texts never follow one another, nor two `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    pieces: Vec<Piece>,
}

/// A part of a [`Glob`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// This text, in any case.
    Text(String),
    /// `*`: any text, also none.
    Any,
    /// `?`: one character.
    One,
}

impl Glob {
    /// A word without wildcards.
    pub fn literal(text: impl Into<String>) -> Self {
        Self::new([Piece::Text(text.into())])
    }

    /// A word of pieces.
    pub fn new(pieces: impl IntoIterator<Item = Piece>) -> Self {
        let mut joined: Vec<Piece> = Vec::new();
        for piece in pieces {
            match (joined.last_mut(), piece) {
                (_, Piece::Text(text)) if text.is_empty() => {}
                (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
                (Some(Piece::Any), Piece::Any) => {}
                (_, piece) => joined.push(piece),
            }
        }
        Self { pieces: joined }
    }

    /// The pieces.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The text, where there are no wildcards.
    #[must_use]
    pub fn as_literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether it is `*`, which every value is like.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.pieces == [Piece::Any]
    }

    /// The same in lower case.
    #[must_use]
    pub fn lower(&self) -> Self {
        Self::new(self.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => Piece::Text(text.to_lowercase()),
            other => other.clone(),
        }))
    }

    /// Whether all of `text` is like this; both are in lower case. It goes back to the
    /// last `*` alone, so that it takes at most the product of the two lengths.
    #[must_use]
    pub fn matches_lower(&self, text: &str) -> bool {
        let (mut piece, mut rest) = (0, text);
        let mut retry: Option<(usize, &str)> = None;
        loop {
            let advanced = match self.pieces.get(piece) {
                None if rest.is_empty() => return true,
                None => None,
                Some(Piece::Any) => {
                    retry = Some((piece + 1, rest));
                    Some(rest)
                }
                Some(Piece::One) => after_first(rest),
                Some(Piece::Text(text)) => rest.strip_prefix(text.as_str()),
            };
            if let Some(left) = advanced {
                piece += 1;
                rest = left;
                continue;
            }
            let Some((after_any, from)) = retry else {
                return false;
            };
            let Some(from) = after_first(from) else {
                return false;
            };
            retry = Some((after_any, from));
            (piece, rest) = (after_any, from);
        }
    }

    /// The words of a message that this means, each perhaps with wildcards.
    #[must_use]
    pub fn words(&self) -> Vec<Self> {
        let mut words = Vec::new();
        let mut word: Vec<Piece> = Vec::new();
        for piece in &self.pieces {
            let Piece::Text(text) = piece else {
                word.push(piece.clone());
                continue;
            };
            for letter in text.chars() {
                if letter.is_alphanumeric() {
                    word.push(Piece::Text(letter.to_lowercase().collect()));
                } else if !word.is_empty() {
                    words.push(Self::new(word.drain(..)));
                }
            }
        }
        if !word.is_empty() {
            words.push(Self::new(word));
        }
        words
    }
}

fn after_first(text: &str) -> Option<&str> {
    let first = text.chars().next()?;
    Some(&text[first.len_utf8()..])
}
