//! What the patterns of Score's schema ask for. A pattern says it to machines
//! alone.

use estiba_model::{Message, message};

/// What a text of this pattern looks like.
pub(super) fn meaning(pattern: &str) -> Message {
    match pattern {
        "^score\\.dev/v1b1$" => message!("write `score.dev/v1b1`", "escriba `score.dev/v1b1`"),
        "^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$" => message!(
            "use 2 to 63 lower-case letters, digits and hyphens, with no hyphen at either end",
            "use de 2 a 63 letras minúsculas, dígitos y guiones, sin guion en los extremos"
        ),
        "^[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9]$" => message!(
            "use 2 to 63 letters, digits and hyphens, with no hyphen at either end",
            "use de 2 a 63 letras, dígitos y guiones, sin guion en los extremos"
        ),
        "^[a-z0-9]+(?:-+[a-z0-9]+)*(?:\\.[a-z0-9]+(?:-+[a-z0-9]+)*)*$" => message!(
            "use lower-case letters, digits and hyphens, in parts with dots between",
            "use letras minúsculas, dígitos y guiones, en partes separadas por puntos"
        ),
        "^(0\\.\\d+|[1-9]\\d*(\\.\\d+)?)(K|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$" => message!(
            "write bytes, or a number with K, M, G, Ki, Mi or Gi, for example `256Mi`",
            "escriba bytes, o un número con K, M, G, Ki, Mi o Gi, por ejemplo `256Mi`"
        ),
        "^\\d+(?:m|\\.\\d+)?$" => message!(
            "write cores, for example \"0.5\", or thousandths of one, for example `500m`",
            "escriba núcleos, por ejemplo \"0.5\", o milésimas de uno, por ejemplo `500m`"
        ),
        "^0?[0-7]{3}$" => message!(
            "write three octal digits in quotes, for example \"0644\"",
            "escriba tres dígitos octales entre comillas, por ejemplo \"0644\""
        ),
        "^[^=]+$" => message!(
            "a name has no equals sign",
            "un nombre no lleva el signo igual"
        ),
        "^[A-Za-z0-9_-]+$" => message!(
            "use letters, digits, hyphens and underscores",
            "use letras, dígitos, guiones y guiones bajos"
        ),
        _ if pattern.contains("[A-Za-z0-9._-]{0,61}") => message!(
            "use 2 to 63 letters, digits, dots, hyphens and underscores, after a host name and a slash if need be: `example.com/key`",
            "use de 2 a 63 letras, dígitos, puntos, guiones y guiones bajos, tras un nombre de host y una barra si hace falta: `example.com/clave`"
        ),
        _ => message!("it must match {pattern}", "debe cumplir {pattern}"),
    }
}
