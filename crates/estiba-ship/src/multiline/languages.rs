//! What stack traces look like.

use serde::Deserialize;

/// A language whose stack traces are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Java, Kotlin, Scala.
    Java,
    /// Python.
    Python,
    /// C#, F#, Visual Basic.
    Dotnet,
    /// JavaScript, TypeScript.
    Node,
    /// Ruby.
    Ruby,
    /// Rust.
    Rust,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Java,
        Self::Python,
        Self::Dotnet,
        Self::Node,
        Self::Ruby,
        Self::Rust,
    ];
}

/// A line that begins a trace.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) pattern: &'static str,
    /// So many lines after it are of the trace whatever they are.
    pub(super) head: u8,
    /// A line that is no frame ends the trace, and is of it.
    pub(super) has_last_line: bool,
}

#[derive(Debug)]
pub(super) struct Rules {
    pub(super) language: Language,
    pub(super) openings: &'static [Opening],
    /// A line of an open trace.
    pub(super) body: &'static str,
    /// A line that can only be of a trace.
    pub(super) frame: &'static str,
    /// After frames that had no opening, one more line is of the trace.
    pub(super) has_last_line: bool,
    /// With what a trace goes on after a blank line; nothing where a blank line
    /// ends it.
    pub(super) rejoins: Option<&'static str>,
    /// What rejoins is followed by another trace.
    pub(super) says_that_it_goes_on: bool,
    /// Loggers write a trace below a message.
    pub(super) follows_a_message: bool,
}

const fn opens(pattern: &'static str) -> Opening {
    Opening {
        pattern,
        head: 0,
        has_last_line: false,
    }
}

pub(super) static LANGUAGES: [Rules; 6] = [
    Rules {
        language: Language::Java,
        openings: &[opens(
            r#"^(Exception in thread "|([a-z_$][\w$]*\.)+[A-Z][\w$]*(Exception|Error|Throwable)\b)"#,
        )],
        body: r"^\s+at |^\s*\.\.\. \d+ |^\s*Caused by: |^\s*Suppressed: |^\s*\[CIRCULAR REFERENCE",
        frame: r"^\s+at [\w$.<>/@-]+\(([\w$]+\.(java|kt|scala)(:\d+)?|Native Method|Unknown Source)\)|^Caused by: ([a-z_$][\w$]*\.)+[A-Z]",
        has_last_line: false,
        rejoins: None,
        says_that_it_goes_on: false,
        follows_a_message: true,
    },
    Rules {
        language: Language::Python,
        openings: &[
            Opening {
                pattern: r"^Traceback \(most recent call last\):",
                head: 0,
                has_last_line: true,
            },
            // All lines of a group are indented.
            opens(r"^\s+\+ Exception Group Traceback \(most recent call last\):"),
        ],
        body: r"^\s",
        frame: r#"^\s+File ".*", line \d+"#,
        has_last_line: true,
        rejoins: Some(
            r"^(During handling of the above exception|The above exception was the direct cause)",
        ),
        says_that_it_goes_on: true,
        follows_a_message: true,
    },
    Rules {
        language: Language::Dotnet,
        openings: &[
            opens(r"^Unhandled exception\. "),
            // What Microsoft's console logger writes is indented by six.
            opens(r"^(trce|dbug|info|warn|fail|crit): \S+\[\d+\]$"),
            opens(r"^([A-Z]\w*\.)+[A-Z]\w*Exception( \(0x[0-9A-Fa-f]+\))?: "),
        ],
        body: r"^\s+at |^\s*--- End of |^\s*---> |^ {6}",
        frame: r"^   at [\w.<>`\[\],|+]+\(.*\)( in .*:line \d+)?$|^ ---> ([A-Z]\w*\.)+[A-Z]",
        has_last_line: false,
        rejoins: None,
        says_that_it_goes_on: false,
        follows_a_message: true,
    },
    Rules {
        language: Language::Node,
        openings: &[
            opens(r"^(Uncaught )?([A-Z]\w*)?(Error|Exception)( \[\w+\])?(: |$)"),
            // Where it was thrown, and the line, come before an error nobody caught.
            Opening {
                pattern: r"^(node:|file:///|/|[A-Z]:\\)\S+:\d+$",
                head: 6,
                has_last_line: false,
            },
        ],
        body: r"^\s|^[}\]]",
        frame: r"^\s+at (async )?(.* \()?(node:|file:///|/|[A-Z]:\\|<anonymous>).*\)?$|^\s+at .* \(.*:\d+:\d+\)$",
        has_last_line: false,
        // "Error:" and its causes are also how Rust's programs end.
        rejoins: Some(r"^Node\.js v\d|^\s+at |^Caused by:|^Stack backtrace:"),
        says_that_it_goes_on: false,
        follows_a_message: true,
    },
    Rules {
        language: Language::Ruby,
        openings: &[
            opens(r"^\S+:\d+:in [`'].*: "),
            // Rails: the class, and the message in brackets.
            opens(r"^[A-Z]\w*(::[A-Z]\w*)* \(.*\):?$"),
        ],
        body: r"^\s|^\S+\.(rb|erb|ru|rake):\d+:in [`']|^\S+:\d+:in [`'][^:]*$",
        frame: r"^\s+from \S+:\d+:in |^\s+\d+: from \S+:\d+:in |^\S+\.rb:\d+:in [`'][^:]*'$",
        has_last_line: false,
        rejoins: Some(r"^\s|^\S+\.(rb|erb|ru|rake):\d+:in [`']"),
        says_that_it_goes_on: false,
        follows_a_message: true,
    },
    Rules {
        language: Language::Rust,
        openings: &[
            Opening {
                pattern: r"^thread '.*' (\(\d+\) )?panicked at .*:$",
                head: 1,
                has_last_line: false,
            },
            // Before Rust 1.73 the message is in the same line.
            opens(r"^thread '.*' panicked at "),
            opens(r"^Error: .*"),
        ],
        body: r"^note: |^stack backtrace:|^\s|^Caused by:|^Stack backtrace:",
        frame: r"^stack backtrace:$",
        has_last_line: false,
        rejoins: Some(r"^Caused by:|^Stack backtrace:|^stack backtrace:|^note: |^\s+\d+: "),
        says_that_it_goes_on: false,
        follows_a_message: false,
    },
];
