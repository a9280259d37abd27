//! Text for people, in every language that Estiba speaks.
//!
//! A [`Message`] carries all its translations, so that whoever shows it picks
//! the language: the same error goes to a Spanish chat and an English terminal.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A language that people read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Spanish.
    Es,
}

impl Lang {
    /// The language of a POSIX locale name such as `es_AR.UTF-8`; English
    /// where Estiba does not speak it.
    #[must_use]
    pub fn from_locale(locale: &str) -> Self {
        if locale.to_ascii_lowercase().starts_with("es") {
            Self::Es
        } else {
            Self::En
        }
    }
}

/// One sentence in all languages. Make it with [`message!`](crate::message!).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// The English text.
    pub en: String,
    /// The Spanish text.
    pub es: String,
}

impl Message {
    /// The text in `lang`.
    #[must_use]
    pub fn text(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Es => &self.es,
        }
    }

    /// A text that is the same in every language: a name, a tool's own words.
    pub fn verbatim(text: impl Into<String>) -> Self {
        let en = text.into();
        Self { es: en.clone(), en }
    }

    /// What happened, and why.
    #[must_use]
    pub fn because(&self, why: &Self) -> Self {
        Self {
            en: format!("{}: {}", self.en, why.en),
            es: format!("{}: {}", self.es, why.es),
        }
    }

    /// The same change made to the text of every language.
    #[must_use]
    pub fn map(self, change: impl Fn(String) -> String) -> Self {
        Self {
            en: change(self.en),
            es: change(self.es),
        }
    }
}

/// English, for logs and for tests.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en)
    }
}

/// A [`Message`] from an English and a Spanish format string over the same
/// captured variables or arguments. [`Message`] arguments are not translated:
/// pass names and values.
///
/// ```
/// use estiba_model::message;
/// let port = 8080;
/// let busy = message!("port {port} is in use", "el puerto {port} está en uso");
/// assert_eq!(busy.es, "el puerto 8080 está en uso");
/// ```
#[macro_export]
macro_rules! message {
    ($en:literal, $es:literal $(, $($args:tt)*)?) => {
        $crate::Message {
            en: ::std::format!($en $(, $($args)*)?),
            es: ::std::format!($es $(, $($args)*)?),
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locale_names_choose_the_language() {
        assert_eq!(Lang::from_locale("es_AR.UTF-8"), Lang::Es);
        assert_eq!(Lang::from_locale("C.UTF-8"), Lang::En);
        assert_eq!(Lang::from_locale("pt_BR"), Lang::En);
    }
}
