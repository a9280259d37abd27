//! What stands for a value, and what is said below a help, in Spanish.

/// What stands for the value of an argument.
pub(super) const VALUE_NAMES: &[(&str, &str)] = &[
    ("ADDRESS:PORT", "DIRECCIÓN:PUERTO"),
    ("ADDRESS@VERSION", "DIRECCIÓN@VERSIÓN"),
    ("ALERT", "ALERTA"),
    ("AMOUNT", "MONTO"),
    ("CMD", "COMANDO"),
    ("COMMAND", "COMANDO"),
    ("DAYS", "DÍAS"),
    ("DIR", "CARPETA"),
    ("ENV", "AMBIENTE"),
    ("FILE", "ARCHIVO"),
    ("FORMAT", "FORMATO"),
    ("GLOB", "PATRÓN"),
    ("IMAGE", "IMAGEN"),
    ("JOB", "TRABAJO"),
    ("LANG", "IDIOMA"),
    ("LEVEL", "NIVEL"),
    ("LIMIT", "N"),
    ("LOGIN", "CUENTA"),
    ("NAME", "NOMBRE"),
    ("NAMES", "NOMBRES"),
    ("NAME=VALUE", "NOMBRE=VALOR"),
    ("NAME[=VALUE]", "NOMBRE[=VALOR]"),
    ("ON", "CUÁNDO"),
    ("PATH", "RUTA"),
    ("PROJECT", "PROYECTO"),
    ("QUERY", "CONSULTA"),
    ("ROLE", "ROL"),
    ("SECONDS", "SEGUNDOS"),
    ("SHELL", "INTÉRPRETE"),
    ("SIZE", "TAMAÑO"),
    ("SPAN", "LAPSO"),
    ("TAG", "ETIQUETA"),
    ("TARGET", "PLATAFORMA"),
    ("TARGET=SIZE", "PLATAFORMA=TAMAÑO"),
    ("TEAM", "EQUIPO"),
    ("USER", "USUARIO"),
    ("VERSION", "VERSIÓN"),
    ("WHEN", "CUÁNDO"),
    ("WORKLOAD", "COMPONENTE"),
    ("WORKLOADS", "COMPONENTES"),
    ("WORKLOAD=N", "COMPONENTE=N"),
];

/// Sentences of the notes below a help, and words that lead their examples.
pub(super) const HELP_NOTES: &[(&str, &str)] = &[
    ("Examples:", "Ejemplos:"),
    ("Example:", "Ejemplo:"),
    (
        "Exit codes: 0 done; 1 what was asked failed or has findings; 2 usage.",
        "Códigos de salida: 0 hecho; 1 lo pedido falló o tiene observaciones; 2 uso.",
    ),
    (
        "State: $XDG_STATE_HOME/estiba (or ESTIBA_STATE_DIR). Images: $XDG_DATA_HOME/estiba.",
        "Estado: $XDG_STATE_HOME/estiba (o ESTIBA_STATE_DIR). Imágenes: $XDG_DATA_HOME/estiba.",
    ),
    (
        "Without a value, a variable has that of this shell.",
        "Sin valor, una variable tiene el de este intérprete de comandos.",
    ),
    (
        "On the server's machine, without ESTIBA_URL, it makes the first admin:",
        "En la máquina del servidor, sin ESTIBA_URL, crea al primer administrador:",
    ),
    (
        "The command is told BASE_URL, ESTIBA_URL_<WORKLOAD>, ESTIBA_VERSION, ESTIBA_ENVIRONMENT and perhaps ESTIBA_RESET.",
        "El comando recibe BASE_URL, ESTIBA_URL_<COMPONENTE>, ESTIBA_VERSION, ESTIBA_ENVIRONMENT y tal vez ESTIBA_RESET.",
    ),
    (
        "The command uses a server where ESTIBA_URL and ESTIBA_TOKEN say so.",
        "El comando usa un servidor si lo indican ESTIBA_URL y ESTIBA_TOKEN.",
    ),
    (
        "The token of the store is in LOG_SINK_TOKEN. Variables can say all that the file can: see docs/en/ship.md.",
        "El token del almacén está en LOG_SINK_TOKEN. Las variables pueden decir todo lo que dice el archivo: vea docs/es/ship.md.",
    ),
];
