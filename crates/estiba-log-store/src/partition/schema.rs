//! What the index of a partition holds of a line.

use estiba_logs::{Origin, whole, words};
use tantivy::schema::{
    DateOptions, DateTimePrecision, Field, IndexRecordOption, JsonObjectOptions, NumericOptions,
    STORED, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer, TokenizerManager};

/// The words of a message.
const WORDS: &str = "words";
/// A value as it is compared.
const WHOLE: &str = "whole";
/// A value as it is shown in lists of values.
const SHOWN: &str = "shown";
/// Only so much of a value is shown in lists of values, in bytes.
const LONGEST_SHOWN_BYTES: usize = 256;

/// The fields of the index.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    /// The moment; a column.
    pub(crate) at: Field,
    /// The number of the line; a column.
    pub(crate) sequence: Field,
    /// Team, project and environment: columns of one value, for lists of values alone.
    pub(crate) environment: [Field; 3],
    /// Workload, instance, release, container and stream.
    pub(crate) places: [Field; 5],
    pub(crate) level: Field,
    pub(crate) message: Field,
    pub(crate) attributes: Field,
    /// The line in its short form; stored.
    pub(crate) line: Field,
}

impl Fields {
    /// The name of the attributes in the index.
    pub(crate) const ATTRIBUTES: &'static str = "attributes";
    /// The name of the moment in the index.
    pub(crate) const AT: &'static str = "at";
    /// The name of the line's number in the index.
    pub(crate) const SEQUENCE: &'static str = "sequence";

    /// The schema, always the same.
    pub(crate) fn schema() -> (Schema, Self) {
        let mut schema = Schema::builder();
        let column = TextOptions::default().set_fast(SHOWN);
        let keyword = column.clone().set_indexing_options(indexed(WHOLE));
        let [
            team,
            project,
            environment,
            workload,
            instance,
            release,
            container,
            stream,
        ] = Origin::FIELDS;
        let fields = Self {
            at: schema.add_date_field(
                Self::AT,
                DateOptions::default()
                    .set_fast()
                    .set_precision(DateTimePrecision::Microseconds),
            ),
            sequence: schema.add_u64_field(Self::SEQUENCE, NumericOptions::default().set_fast()),
            environment: [team, project, environment]
                .map(|name| schema.add_text_field(name, column.clone())),
            places: [workload, instance, release, container, stream]
                .map(|name| schema.add_text_field(name, keyword.clone())),
            level: schema.add_text_field("level", keyword),
            message: schema.add_text_field(
                "message",
                TextOptions::default().set_indexing_options(indexed(WORDS)),
            ),
            attributes: schema.add_json_field(
                Self::ATTRIBUTES,
                JsonObjectOptions::default()
                    .set_fast(SHOWN)
                    .set_indexing_options(indexed(WHOLE))
                    .set_expand_dots_enabled(),
            ),
            line: schema.add_bytes_field("line", STORED),
        };
        (schema.build(), fields)
    }
}

/// Neither positions nor lengths: phrases are looked up in the stored text, which
/// costs a search a little and the index a third less.
fn indexed(tokenizer: &str) -> TextFieldIndexing {
    TextFieldIndexing::default()
        .set_tokenizer(tokenizer)
        .set_fieldnorms(false)
        .set_index_option(IndexRecordOption::Basic)
}

/// The tokenizers that the schema names.
pub(crate) fn tokenizers() -> TokenizerManager {
    // The index asks for some of the usual ones too.
    let tokenizers = TokenizerManager::default();
    tokenizers.register(WORDS, WordTokenizer::default());
    tokenizers.register(WHOLE, ValueTokenizer { value: whole });
    tokenizers.register(SHOWN, ValueTokenizer { value: shown });
    tokenizers
}

fn shown(value: &str) -> String {
    let mut end = value.len().min(LONGEST_SHOWN_BYTES);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    value[..end].to_owned()
}

#[derive(Clone, Default)]
struct WordTokenizer {
    token: Token,
}

impl Tokenizer for WordTokenizer {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.token.reset();
        WordStream {
            words: words(text),
            token: &mut self.token,
        }
    }
}

struct WordStream<'a> {
    words: estiba_logs::Words<'a>,
    token: &'a mut Token,
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        let Some((from, until)) = self.words.next_span() else {
            return false;
        };
        self.token.text.clear();
        estiba_logs::Words::push_lower(&self.words.text()[from..until], &mut self.token.text);
        self.token.position = self.token.position.wrapping_add(1);
        (self.token.offset_from, self.token.offset_to) = (from, until);
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

/// Makes one token of a whole value.
#[derive(Clone)]
struct ValueTokenizer {
    value: fn(&str) -> String,
}

impl Tokenizer for ValueTokenizer {
    type TokenStream<'a> = OneToken;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> OneToken {
        OneToken {
            token: Token {
                text: (self.value)(text),
                position: 0,
                offset_to: text.len(),
                ..Token::default()
            },
            told: false,
        }
    }
}

struct OneToken {
    token: Token,
    told: bool,
}

impl TokenStream for OneToken {
    fn advance(&mut self) -> bool {
        !std::mem::replace(&mut self.told, true)
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
