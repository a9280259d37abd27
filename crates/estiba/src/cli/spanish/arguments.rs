//! What each argument is, in Spanish.

/// The description of each argument: by its command and name, or by its name
/// alone where it means the same everywhere.
pub(super) const ARGUMENTS: &[(&str, &str)] = &[
    (
        "serve listen",
        "Dónde escuchar; si no se indica, en 127.0.0.1:8700, o en toda dirección con el puerto de PORT",
    ),
    (
        "serve targets",
        "Las plataformas que los proyectos pueden nombrar, en lugar de las propias: un archivo YAML como `targets` en estiba.yaml",
    ),
    ("ship paths", "Los archivos, como patrones"),
    (
        "ship config",
        "Un archivo YAML con más de lo que se puede decir aquí",
    ),
    (
        "ship to",
        "Una dirección compatible con Elasticsearch, o `stdout`; o LOG_SINK",
    ),
    (
        "ship state",
        "La carpeta para las posiciones y la memoria en disco",
    ),
    (
        "ship fields",
        "Lo que recibe cada línea, como `workload=api`",
    ),
    (
        "ship stdin",
        "Enviar también lo que llega por la entrada estándar",
    ),
    (
        "serve behind_proxy",
        "Un proxy delante dice en X-Forwarded-For quién pide",
    ),
    (
        "serve url",
        "Dónde llegan las personas al servidor, como `https://estiba.example.edu`",
    ),
    (
        "serve oidc_issuer",
        "El proveedor de OpenID Connect con el que ingresan las personas, como `https://gitlab.com`",
    ),
    (
        "serve oidc_client_id",
        "Cómo llama el proveedor a este servidor",
    ),
    (
        "serve oidc_client_secret_file",
        "Un archivo con el secreto que el proveedor le dio a este servidor; o ESTIBA_OIDC_CLIENT_SECRET",
    ),
    (
        "serve session_idle",
        "Cuánto puede quedar sin uso una sesión de la página (90s, 10m, 2h)",
    ),
    (
        "serve session_longest",
        "Cuánto puede durar una sesión de la página",
    ),
    (
        "serve logs",
        "La carpeta del almacén de registros; por omisión, `logs` en la carpeta del estado",
    ),
    (
        "serve logs_keep",
        "Cuánto se guardan los registros de un ambiente (36h, 14d)",
    ),
    (
        "serve logs_size",
        "Cuánto disco pueden ocupar los registros de un ambiente; los más viejos se van primero",
    ),
    (
        "serve logs_version",
        "La versión de Elasticsearch que /elastic dice ser: Filebeat puede no aceptar una anterior a la propia",
    ),
    (
        "serve logs_to",
        "Enviar todas las líneas a este clúster (Elasticsearch, OpenSearch, Quickwit), y buscar ahí",
    ),
    ("serve logs_index", "El índice ahí"),
    (
        "serve logs_token_file",
        "El archivo con una clave de API del clúster",
    ),
    (
        "serve logs_ca_file",
        "El archivo con el certificado en PEM de la autoridad que firmó el del clúster, si no es una pública",
    ),
    (
        "serve logs_user",
        "El usuario del clúster, si tiene usuarios y claves",
    ),
    (
        "serve logs_password_file",
        "El archivo con la clave de ese usuario",
    ),
    (
        "serve no_collect",
        "Guardar lo que envían los recolectores, sin leer nada de las plataformas",
    ),
    ("serve no_logs", "No guardar registros"),
    (
        "bot webhook",
        "Que Telegram llame a esta dirección pública, en lugar de preguntarle",
    ),
    ("bot listen", "Dónde escucharlo"),
    ("course plan file", "El archivo del curso"),
    ("course apply file", "El archivo del curso"),
    ("course down file", "El archivo del curso"),
    ("course size file", "El archivo del curso"),
    ("course plan team", "Solo estos equipos"),
    ("course apply team", "Solo estos equipos"),
    (
        "course down team",
        "El equipo, que ya no tiene que estar en el archivo",
    ),
    ("course down env", "Solo estos ambientes"),
    (
        "course plan version",
        "La versión; por omisión, la que indica Git",
    ),
    (
        "course apply version",
        "La versión; por omisión, la que indica Git",
    ),
    (
        "update",
        "Reemplazar también las versiones propias de un equipo por lo que hay en la carpeta",
    ),
    ("at_once", "Cuántos equipos a la vez"),
    ("prices", "Un archivo de precios propio"),
    (
        "budget",
        "Lo que hay para gastar por mes, en la moneda de los precios",
    ),
    ("node", "El tamaño de los nodos de una plataforma"),
    (
        "show_prices",
        "Escribir los precios que trae Estiba, para empezar los propios",
    ),
    ("team add team", "Su nombre"),
    ("team", "El equipo"),
    ("login", "La persona, como la conocen los demás"),
    (
        "role",
        "Qué ha de ser: shipper escribe logs; bot, un bot de chat; viewer mira; pipeline despliega; member, todo lo del equipo; admin, todo",
    ),
    ("team figures days", "En cuántos días"),
    ("token create name", "Para qué es"),
    (
        "token create role",
        "Qué puede como máximo: shipper escribe logs; bot, un bot de chat; viewer mira; pipeline despliega; member, todo lo del equipo; admin, todo",
    ),
    ("token create team", "Solo este equipo"),
    ("token create only_project", "Solo este proyecto del equipo"),
    (
        "token create env",
        "Solo se puede cambiar estos ambientes, o escribir en ellos",
    ),
    (
        "token create days",
        "Después de cuántos días termina; nunca si no se dice",
    ),
    (
        "token create login",
        "Para esta persona; para usted si no se nombra a nadie",
    ),
    ("token create machine", "Para una máquina, y para nadie"),
    ("token revoke id", "Su id, de `estiba token list`"),
    (
        "approve id",
        "El número del pedido; sin él, se listan todos",
    ),
    ("approve reject", "No aceptar"),
    ("audit team", "Solo de este equipo"),
    ("audit limit", "Cuántos"),
    ("on", "Qué se despliega"),
    (
        "server",
        "El servidor de Estiba, al que los trabajos muestran un token de identidad; sin él, despliegan los runners",
    ),
    (
        "image",
        "La imagen en la que corren los trabajos, con estiba y git; sin ella, los tienen los runners",
    ),
    ("runner", "Una etiqueta de los runners"),
    (
        "buildah",
        "Construir los Dockerfile con Buildah, sin ningún privilegio",
    ),
    (
        "test",
        "El ambiente al que una versión llega primero; por omisión, el primero del proyecto",
    ),
    (
        "prod",
        "El ambiente al que la lleva una persona; por omisión, el que viene después",
    ),
    (
        "check",
        "Solo decir si los archivos son como se los escribiría",
    ),
    (
        "component",
        "Incluir el componente de un catálogo, y no escribir ninguno",
    ),
    (
        "no_inputs",
        "Escribir los valores en el componente, para GitLab anterior a 17.0 y herramientas que no conocen inputs",
    ),
    (
        "catalog",
        "Escribir templates/estiba.yml, el componente para el proyecto de un catálogo, y nada más",
    ),
    (
        "ci check file",
        "El archivo del pipeline, desde la raíz del repositorio",
    ),
    (
        "ci run file",
        "El archivo del pipeline, desde la raíz del repositorio",
    ),
    (
        "variables",
        "Una variable que viene de otro lado, con su valor o sin él",
    ),
    (
        "jobs",
        "Trabajos, también los manuales; todos los demás si no se nombra ninguno",
    ),
    ("tag", "Como si se hubiera subido este tag"),
    ("manual", "También este trabajo, que espera a una persona"),
    ("needs", "También lo que necesitan los trabajos nombrados"),
    ("anyway", "Ejecutarlo aunque se haya encontrado algo"),
    ("junit", "El informe JUnit"),
    ("dotenv", "El informe dotenv, con ENVIRONMENT_ADDRESS"),
    (
        "summary",
        "Agregar lo mismo a este archivo, como tabla en Markdown",
    ),
    (
        "release version",
        "La versión; por omisión, la que indica Git",
    ),
    (
        "promote version",
        "Solo esta versión: rechazarlo si el ambiente tiene otra",
    ),
    (
        "json",
        "Escribir JSON: un documento, o un evento por línea mientras se hace algo",
    ),
    (
        "lang",
        "El idioma de la salida; por omisión, el de la configuración regional",
    ),
    (
        "project",
        "La carpeta del proyecto; por omisión, la más cercana hacia arriba con un estiba.yaml",
    ),
    ("help", "Mostrar la ayuda"),
    ("version", "Mostrar la versión"),
    ("dir", "La carpeta"),
    ("paths", "Archivos, o carpetas en las que buscarlos"),
    (
        "import output",
        "La carpeta del proyecto nuevo; por omisión, la de la primera ruta",
    ),
    ("format", "Qué escribir"),
    (
        "export output",
        "La carpeta, que tiene que ser nueva o estar vacía",
    ),
    (
        "export version",
        "La versión; por omisión, lo que hay en la carpeta",
    ),
    ("explain", "Agregar comentarios que enseñan"),
    ("no_images", "No escribir las imágenes construidas"),
    ("dry_run", "Decir qué se escribiría, y no escribir nada"),
    ("force", "Sobrescribir los archivos que ya existen"),
    ("score", "Leer solo estos archivos Score"),
    (
        "env",
        "El ambiente; donde se puede omitir, el primero del proyecto",
    ),
    ("up version", "La versión; por omisión, la que indica Git"),
    ("preflight here", "Probar solo desde esta máquina"),
    (
        "preflight timeout",
        "Cuántos segundos puede tardar cada servicio",
    ),
    (
        "plan version",
        "La versión; por omisión, lo que hay en la carpeta",
    ),
    (
        "deploy version",
        "La versión; si no existe todavía, se construye con lo que hay en la carpeta",
    ),
    (
        "without",
        "Seguir aunque esta plataforma, donde el ambiente estaba antes, no responda; lo que quedó allí lo termina el primer despliegue que la alcance",
    ),
    ("yes", "Aceptar sin preguntar"),
    ("from", "El ambiente que tiene la versión"),
    ("promote to", "El ambiente que la recibe"),
    ("rollback to", "La versión"),
    ("limit", "Cuántos"),
    ("steps", "Mostrar los pasos de cada uno"),
    ("workload", "El componente"),
    (
        "workloads",
        "Los componentes; todos si no se nombra ninguno",
    ),
    (
        "follow",
        "Seguir con las líneas nuevas hasta que se interrumpa",
    ),
    (
        "since",
        "Solo las líneas desde entonces: un lapso (90s, 10m, 2h, 1d) o una hora RFC 3339",
    ),
    ("tail", "Solo las últimas tantas líneas"),
    (
        "logs workload",
        "El componente; todos si no se nombra ninguno",
    ),
    (
        "logs query",
        "Cómo son las líneas: palabras, \"frases\", campo:valor, campo:>=valor, AND, OR, NOT",
    ),
    (
        "logs grep",
        "Lo mismo, de todos los componentes si no se nombra ninguno",
    ),
    (
        "logs env",
        "El ambiente, o varios; por omisión, el primero del proyecto",
    ),
    (
        "ci report version",
        "La versión que se iba a desplegar: si no se desplegó, el informe lo dice",
    ),
    ("accept timeout", "Cuántos segundos pueden tardar"),
    ("mail id", "El número del correo; sin él, se listan todos"),
    ("mail raw", "Mostrarlo tal como llegó"),
    ("mail clear", "Olvidarlos todos"),
    ("logs all", "De todos los ambientes"),
    ("logs release", "Solo de esta versión"),
    (
        "logs level",
        "Solo líneas de este nivel o peores: trace, debug, info, warn, error, fatal",
    ),
    ("logs until", "Solo las líneas anteriores a entonces"),
    (
        "logs context",
        "Mostrar tantas líneas de la misma instancia antes y después de cada una",
    ),
    ("alert", "Su nombre en estiba.yaml"),
    ("alert mute span", "Cuánto (10m, 2h, 1d), hasta 30 días"),
    ("container", "El contenedor, si el componente tiene varios"),
    ("command", "Programa y argumentos"),
    ("replicas", "Copias de cada componente"),
    ("name", "El nombre del valor"),
    ("names", "Sus nombres"),
    ("values", "Nombres y valores"),
    ("file", "El archivo"),
    ("resource", "El recurso, si hay varias bases de datos"),
    ("target", "El nombre de la plataforma en estiba.yaml"),
    ("shell", "El intérprete de comandos"),
];
