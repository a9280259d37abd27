//! The YAML parser's complaints, as advice.

use estiba_model::{Diagnostic, Message, message};

/// What the parser says, in words that help.
pub(super) fn explain(info: &str) -> Diagnostic {
    let has = |part: &str| info.contains(part);
    if has("tab") && !has("table") {
        return advise(
            "yaml-tab",
            message!(
                "a tab is used to indent",
                "hay una tabulación en la sangría"
            ),
            message!("indent with spaces", "use espacios para la sangría"),
        );
    }
    if has("unknown anchor") {
        return advise(
            "bad-alias",
            message!(
                "an alias refers to no anchor",
                "un alias no se refiere a ningún ancla"
            ),
            message!(
                "put quotes around a text that begins with `*`, or name an anchor that is above",
                "ponga entre comillas un texto que empieza con `*`, o nombre un ancla que esté más arriba"
            ),
        );
    }
    if has("unprintable") {
        return advise(
            "yaml-syntax",
            message!(
                "there is a character that can't be printed",
                "hay un carácter que no se puede imprimir"
            ),
            message!(
                "remove it, or write it as an escape in double quotes",
                "quítelo, o escríbalo como escape entre comillas dobles"
            ),
        );
    }
    if has("recursion limit") {
        return Diagnostic::error(
            "too-deep",
            message!(
                "values are nested too deep",
                "hay valores anidados demasiado profundamente"
            ),
        );
    }
    let (message, hint) = syntax(&has, info);
    advise("yaml-syntax", message, hint)
}

fn advise(code: &str, message: Message, hint: Message) -> Diagnostic {
    Diagnostic::error(code, message).hint(hint)
}

fn syntax(has: &dyn Fn(&str) -> bool, info: &str) -> (Message, Message) {
    if has("mapping values are not allowed") || has("illegal placement of ':'") {
        return (
            message!(
                "a colon is not allowed here",
                "aquí no puede haber dos puntos"
            ),
            message!(
                "put quotes around a text that has `: ` in it, and check the indentation of this line and the one above",
                "ponga entre comillas un texto que contiene `: `, y revise la sangría de esta línea y de la anterior"
            ),
        );
    }
    if has("simple key expect")
        || has("did not find expected key")
        || has("indentation")
        || has("indented")
        || has("block sequence entries are not allowed")
        || has("expected '-' indicator")
    {
        return (
            message!(
                "this line does not fit the lines above it",
                "esta línea no concuerda con las anteriores"
            ),
            message!(
                "give the keys of one level the same indentation, a colon and a space after each",
                "dé a las claves de un mismo nivel la misma sangría, con dos puntos y un espacio tras cada una"
            ),
        );
    }
    if has("quoted scalar") && (has("end of stream") || has("document indicator")) {
        return (
            message!(
                "a quoted text has no end",
                "un texto entre comillas no termina"
            ),
            message!("add the closing quote", "agregue la comilla de cierre"),
        );
    }
    if has("after double-quoted scalar") {
        return (
            message!(
                "something follows a quoted text",
                "algo sigue a un texto entre comillas"
            ),
            message!(
                "put all of the value inside the quotes",
                "ponga todo el valor dentro de las comillas"
            ),
        );
    }
    if has("escape") {
        return (
            message!(
                "a backslash in double quotes begins no known escape",
                "una barra invertida entre comillas dobles no inicia un escape conocido"
            ),
            message!(
                "write `\\\\` for a backslash, or use single quotes",
                "escriba `\\\\` para una barra invertida, o use comillas simples"
            ),
        );
    }
    if has("flow") || has("bracket") {
        return (
            message!(
                "brackets or braces are not closed, or a comma is missing",
                "hay corchetes o llaves sin cerrar, o falta una coma"
            ),
            message!(
                "close each `[` and `{{`; put quotes around a text that begins with one of them",
                "cierre cada `[` y `{{`; ponga entre comillas un texto que empieza con uno de ellos"
            ),
        );
    }
    (
        message!("this is not YAML: {info}", "esto no es YAML: {info}"),
        message!(
            "put quotes around texts with special characters, and check the indentation",
            "ponga entre comillas los textos con caracteres especiales, y revise la sangría"
        ),
    )
}
