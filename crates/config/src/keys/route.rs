//! The keys of a route.

use super::{Gateway, Policies, Transform, scope};
use crate::kind::{Choice, Scope, key};
use crate::table::keys;
use crate::value::{
    CodingName, Count, Either, FileName, FilePath, GatewayTo, InboxAnswer, Language, Links, List,
    MediaRange, Moment, Negotiate, Origin, PathPattern, SitePath, Size, Template, TryStep, Yes,
};

keys! {
    /// A route: what answers for some paths of a site.
    Route: Scope {
        choice: Choice::One("this route does not say what answers"),
        ..scope(
            "a route",
            "`[[site.\"HOST\".route]]`: what stands under a path. It has one key that says what answers; \
             of several routes that take a path, the most specific answers.",
        )
    };

    path: PathPattern = key(
        "path",
        "\"/docs/*\"",
        "The paths that it answers for: one (`/about`), all under one (`/docs/*`), or with captures \
         (`/u/{name}/x`, `/files/{rest*}`)",
    ).required();
    folder: FilePath = key(
        "folder",
        "\"public\"",
        "The files of this folder. What `path` says literally before `*` or a capture is not looked for in it; of a \
         path that is literal to its end, the last segment is",
    ).choice();
    gateway: Either<List<GatewayTo>, Gateway> = key(
        "gateway",
        "\"http://127.0.0.1:9000\"",
        "Forwards requests to this upstream, or to one of several, and relays what it answers: a URL, a list of URLs, \
         or the name of a group",
    ).choice().spec(9110, "3.7");
    redirect: Template = key(
        "redirect",
        "\"/new/{name}\"",
        "It is elsewhere: there, with what the path captured (301, 302, 307, 308)",
    ).choice().spec(9110, "15.4");
    see_other: Template = key(
        "see-other",
        "\"/thanks\"",
        "The answer stands elsewhere, and is asked for by GET (303)",
    ).choice().spec(9110, "15.4.4");
    gone: Either<Yes, Gone> = key(
        "gone",
        "{ since = 2024-01-01T00:00:00Z }",
        "It was here, and is not coming back (410)",
    ).choice().spec(9110, "15.5.11");
    use_proxy: Origin = key(
        "use-proxy",
        "\"http://proxy.example:3128\"",
        "It is to be asked for through this proxy (305, which is deprecated)",
    ).choice().spec(9110, "15.4.6");
    inbox: Either<FilePath, Inbox> = key(
        "inbox",
        "\"orders\"",
        "Takes posted forms and files, and stores each in this folder",
    ).choice();
    variants: List<Variant> = key(
        "variants",
        "[{ file = \"photo.webp\" }, { file = \"photo.jpg\" }]",
        "One resource in several forms, each of which stands under a path of its own too; of those that a \
         client likes as well, the first is sent",
    ).choice().spec(9110, "12").within(1, 64);
    permanent: bool = key(
        "permanent",
        "true",
        "Whether it is elsewhere for good (301, 308)",
    ).default("false").with(&["redirect"]);
    writable: bool = key(
        "writable",
        "true",
        "Whether files can be put, patched and deleted",
    ).default("false").with(&["folder"]);
    create_folders: bool = key(
        "create-folders",
        "true",
        "Whether a PUT makes the folders that its path names",
    ).default("false").with(&["writable"]);
    quota: Size = key(
        "quota",
        "\"10GiB\"",
        "The most that the folder may hold; what would make it larger is refused (507)",
    ).with(&["writable", "inbox"]).spec(4918, "11.5");
    links: Links = key(
        "links",
        "\"refuse\"",
        "Whether symbolic links in the folder are followed, by whatever route; those that lead out of it never are \
         (403)",
    ).default("\"follow\"").with(&["folder"]);
    index: List<FileName> = key(
        "index",
        "[\"home.html\"]",
        "The file that is sent for a folder: the first that is there",
    ).default("[\"index.html\"]").with(&["folder"]).within(1, 16);
    listing: bool = key(
        "listing",
        "true",
        "Whether a folder without index shows what it holds",
    ).default("false").with(&["folder"]);
    r#try: List<TryStep> = key(
        "try",
        "[\"file\", \"index\", \"/index.html\"]",
        "What is looked for, in order; a path at the end answers for all that is not there",
    ).with(&["folder"]).within(1, 8);
    rewrite: Template = key(
        "rewrite",
        "\"/{rest}\"",
        "The path that is looked up in place of the one asked for; nobody is led elsewhere",
    ).with(&["folder"]);
    negotiate: Negotiate = key(
        "negotiate",
        "\"proactive\"",
        "Who chooses among the files `page.en.html` and `page.de.html` where `page` is asked for and is not \
         there, or among the variants; nobody among files where it is not said, and the server among variants",
    ).with(&["folder", "variants"]).spec(9110, "12.1");
    languages: List<Language> = key(
        "languages",
        "[\"en\", \"gsw\"]",
        "Which parts of files' names are languages, the better ones first; tags that begin with two letters \
         where it is not said",
    ).with(&["negotiate"]).spec(5646, "2.1").within(1, 64);
    default_language: Language = key(
        "default-language",
        "\"en\"",
        "What a client gets that names no language, or whose languages are not there; these get that of the \
         first file or variant where it is not said",
    ).with(&["negotiate", "variants"]).spec(9110, "12.5.4");
    strict_language: bool = key(
        "strict-language",
        "true",
        "Whether a client whose languages are not there gets none (406)",
    ).default("false").with(&["negotiate", "variants"]).spec(9110, "15.5.7");
    transform: Transform = key(
        "transform",
        "{ replace = { \"http://app.internal\" = \"https://example.org\" } }",
        "What is changed of the upstream's answers (203)",
    ).with(&["gateway"]).spec(9110, "7.7");
    respond_async: bool = key(
        "respond-async",
        "true",
        "Whether what a client asks for by `Prefer: respond-async` is accepted for later, where it would change \
         something (202)",
    ).default("false").with(&["gateway"]).spec(7240, "4.1");
    websocket_only: bool = key(
        "websocket-only",
        "true",
        "Whether nothing but WebSocket is spoken here (426)",
    ).default("false").spec(9110, "15.5.22");
    ..policies: Policies;
}

keys! {
    /// Since when something is gone.
    Gone: scope("what is gone", "`gone = { since = ... }`: it was here until then.");

    since: Moment = key("since", "2024-01-01T00:00:00Z", "Since when, as people are told").required();
}

keys! {
    /// What an inbox takes and how it answers.
    Inbox: Scope {
        choice: Choice::One("this inbox does not say what becomes of what it takes"),
        ..scope(
            "an inbox",
            "`inbox = { ... }`: what takes posted forms. Each is stored whole before it is answered.",
        )
    };

    folder: FilePath = key("folder", "\"orders\"", "The folder in which they are stored").choice();
    deliver_to: List<GatewayTo> = key(
        "deliver-to",
        "\"http://127.0.0.1:9000/orders\"",
        "Whatever is posted is stored, and delivered to this upstream later, or to one of several, until one has taken \
         it: a URL, a list of URLs, or the name of a group. A path at the end of the URL stands in the place of the \
         path that is posted to (202)",
    ).choice().spec(9110, "15.3.3");
    answer: Either<InboxAnswer, InboxPage> = key(
        "answer",
        "\"reset\"",
        "What is answered: 201 with the place of what was stored, or 204 if no route shows the folder; 204; 205; or 303 to a page",
    ).default("\"created\"").with(&["folder"]);
    types: List<MediaRange> = key(
        "types",
        "[\"application/json\"]",
        "The media types that are taken; forms, files and JSON where it is not said, and anything of what is delivered",
    ).within(1, 64);
    file_max: Size = key("file-max", "\"2MiB\"", "The longest file").default("\"10MiB\"").within(1, 1 << 40)
        .with(&["folder"]);
    files_max: Count = key("files-max", "3", "The most files in one form").default("10").within(0, 1000)
        .with(&["folder"]);
    text_max: Size = key(
        "text-max",
        "\"64KiB\"",
        "The most octets of all fields of one form together, or of JSON: they are held in memory",
    ).default("\"1MiB\"").within(1, 64 << 20).with(&["folder"]);
    fields_max: Count = key("fields-max", "20", "The most fields in one form").default("100").within(1, 10_000)
        .with(&["folder"]);
}

keys! {
    /// The page that follows a form.
    InboxPage: scope("the page after a form", "`answer = { see-other = ... }`: the page that follows a form.");

    see_other: Template = key("see-other", "\"/thanks\"", "The page that is shown then (303)").required();
}

keys! {
    /// One form of a resource that has several.
    Variant: Scope {
        choice: Choice::One("this variant does not say where it stands"),
        ..scope("a variant", "`variants = [{ ... }]`: one form of a resource that has several.")
    };

    file: FilePath = key(
        "file",
        "\"photo.webp\"",
        "The file that holds it, in a folder that another route of the site serves",
    ).choice();
    path: SitePath = key("path", "\"/photo.webp\"", "The path of the site that leads to it").choice();
    r#type: MediaRange = key(
        "type",
        "\"image/webp\"",
        "Its media type; told from the file's name where it is not said",
    );
    language: List<Language> = key("language", "[\"de\"]", "The languages of its readers").spec(9110, "8.5").within(1, 4);
    coding: CodingName = key("coding", "\"gzip\"", "How it is encoded").spec(9110, "8.4");
    quality: Count = key(
        "quality",
        "700",
        "How good it is beside the others, in thousandths",
    ).default("1000").within(0, 1000);
}
