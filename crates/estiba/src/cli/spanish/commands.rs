//! What each command does, in Spanish.

/// The description of each command, by its path.
pub(super) const COMMANDS: &[(&str, &str)] = &[
    (
        "",
        "Lleva los componentes de un equipo desde el código a sus ambientes, de la misma manera en toda plataforma de contenedores",
    ),
    (
        "init",
        "Escribir un primer estiba.yaml (y score.yaml) a partir de lo que hay en una carpeta",
    ),
    (
        "import",
        "Escribir un estiba.yaml y archivos Score a partir de archivos Compose, manifiestos de Kubernetes o una aplicación de Heroku",
    ),
    (
        "check",
        "Encontrar todos los errores de un proyecto, o solo de archivos Score",
    ),
    (
        "up",
        "Verificar, construir, crear la versión y desplegar en el primer ambiente",
    ),
    (
        "preflight",
        "Probar, desde adentro de un ambiente, los servicios externos que usa",
    ),
    (
        "plan",
        "Mostrar los pasos que daría un despliegue, sin hacer nada",
    ),
    (
        "deploy",
        "Desplegar en un ambiente una versión, o lo que hay en la carpeta",
    ),
    (
        "promote",
        "Llevar la versión de un ambiente a otro, con las mismas imágenes",
    ),
    (
        "rollback",
        "Volver a la versión anterior que funcionó, o a una dada",
    ),
    (
        "release",
        "Construir lo que hay en la carpeta y guardarlo como versión, sin desplegar nada; imprime cuál es",
    ),
    ("releases", "Listar las versiones y dónde están en marcha"),
    (
        "status",
        "Mostrar todos los ambientes: versión, instancias, salud, diferencias, URLs",
    ),
    ("history", "Listar los despliegues de un ambiente"),
    (
        "resume",
        "Continuar, o deshacer, un despliegue que se interrumpió",
    ),
    (
        "serve",
        "Responder la API web y llevar a cabo lo que se le pide",
    ),
    (
        "ship",
        "Enviar líneas de logs, de archivos, la entrada estándar o pedidos, a un almacén",
    ),
    (
        "bot",
        "Atender el bot de Telegram cuyo token está en TELEGRAM_TOKEN, con el servidor de ESTIBA_URL",
    ),
    ("team", "Los equipos de un servidor y quiénes los integran"),
    ("team list", "Listar los equipos"),
    ("team add", "Crear un equipo"),
    ("team members", "Listar los integrantes de un equipo"),
    (
        "team admit",
        "Incorporar una persona a un equipo, o darle otro rol",
    ),
    ("team dismiss", "Quitar una persona de un equipo"),
    (
        "team figures",
        "Mostrar cómo entrega un equipo: frecuencia, demora, fallas, tiempo de recuperación",
    ),
    (
        "course",
        "Todos los equipos de un curso, desde un solo archivo",
    ),
    ("course plan", "Mostrar qué haría `apply`, sin hacer nada"),
    (
        "course apply",
        "Llevar los equipos y sus ambientes a lo que dice el archivo",
    ),
    (
        "course down",
        "Eliminar los ambientes de un equipo, con sus datos, y dar fin a sus tokens",
    ),
    (
        "course size",
        "Sumar lo que todos los equipos solicitan en cada plataforma, y qué nodos cuesta",
    ),
    (
        "course schema",
        "Escribir el esquema JSON de course.yaml, para editores",
    ),
    ("token", "Las claves de la API de un servidor"),
    ("token list", "Listar sus tokens"),
    (
        "token create",
        "Crear un token; su clave se muestra una vez",
    ),
    ("token revoke", "Dar fin a un token"),
    (
        "approve",
        "Mostrar los despliegues que esperan a una persona, o aceptar uno",
    ),
    (
        "audit",
        "Mostrar quién cambió qué en un servidor, lo más nuevo primero",
    ),
    (
        "chat-code",
        "Obtener un código de un solo uso para vincular su cuenta de Telegram",
    ),
    (
        "logs",
        "Mostrar lo que escribieron las instancias, y buscar en ello",
    ),
    ("alert", "De qué líneas de un ambiente avisa un servidor"),
    (
        "alert list",
        "Listar las alertas de un ambiente: cuándo se avisó de cada una, y cuáles están en silencio",
    ),
    ("alert mute", "Que no se avise de una alerta por un tiempo"),
    (
        "alert unmute",
        "Que se vuelva a avisar de una alerta en silencio",
    ),
    (
        "exec",
        "Ejecutar un comando dentro de una instancia en marcha",
    ),
    (
        "restart",
        "Reemplazar las instancias por otras nuevas de la misma versión",
    ),
    ("scale", "Cambiar cuántas copias de cada componente corren"),
    (
        "accept",
        "Correr aquí pruebas de aceptación contra lo que un ambiente tiene en marcha, y guardar cómo salieron",
    ),
    (
        "reset",
        "Vaciar las bases de datos de un ambiente que lo permite, y comenzar de nuevo",
    ),
    (
        "mail",
        "Mostrar los correos que enviaron los componentes de un ambiente y no recibió nadie",
    ),
    ("down", "Eliminar un ambiente y sus datos"),
    (
        "config",
        "Leer y cambiar los valores de un ambiente que no son secretos",
    ),
    ("config get", "Mostrar todos los valores, o uno"),
    ("config set", "Fijar valores; los usa el próximo despliegue"),
    (
        "config unset",
        "Olvidar valores fijados; vuelven a valer los de estiba.yaml",
    ),
    ("secret", "Guardar los secretos de un ambiente"),
    (
        "secret set",
        "Guardar un secreto; su valor se lee de la terminal o de la entrada estándar",
    ),
    ("secret list", "Listar los nombres de los secretos"),
    (
        "secret key",
        "Imprimir una clave nueva, para ESTIBA_KEY de servidores que comparten una base de datos",
    ),
    ("secret unset", "Olvidar un secreto"),
    ("db", "Copiar y restaurar la base de datos de un ambiente"),
    (
        "db backup",
        "Escribir una copia en un archivo nuevo, en el formato de pg_dump -Fc",
    ),
    (
        "db restore",
        "Reemplazar el contenido de la base por una copia",
    ),
    (
        "export",
        "Escribir un archivo Compose, manifiestos de Kubernetes o un chart de Helm que corren sin Estiba",
    ),
    (
        "ci",
        "Los pipelines: escribirlos, revisarlos, ejecutarlos aquí",
    ),
    (
        "ci gitlab",
        "Escribir un pipeline de GitLab: verificar, probar, construir una vez, desplegar, promover",
    ),
    (
        "ci github",
        "Escribir un workflow de GitHub Actions: verificar, probar, construir una vez, desplegar, promover",
    ),
    (
        "ci check",
        "Encontrar lo que está mal en un .gitlab-ci.yml antes de que corra",
    ),
    (
        "ci run",
        "Ejecutar en esta máquina el pipeline de GitLab de un repositorio, con gitlab-ci-local",
    ),
    (
        "ci report",
        "Escribir el último despliegue de un ambiente como lo muestra un CI: sus pasos como pruebas, su dirección",
    ),
    (
        "doctor",
        "Decir qué pueden y qué no pueden hacer esta máquina y las plataformas del proyecto, y qué instalar",
    ),
    ("target", "Preguntar por las plataformas del proyecto"),
    (
        "target rbac",
        "Escribir los permisos que Estiba necesita en un clúster, para quien lo administra",
    ),
    (
        "schema",
        "Escribir el esquema JSON de estiba.yaml, para editores",
    ),
    (
        "completion",
        "Escribir el script de autocompletado de un intérprete de comandos",
    ),
];
