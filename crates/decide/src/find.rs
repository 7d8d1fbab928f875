//! Stage three: what is there, and whether the method can be carried out on it.

use wherefore_message::media;
use wherefore_message::path::Path;
use wherefore_message::{FieldSet, Method, MethodSet, Request, Spec, Status};

use crate::catalogue::GroupId;
use crate::facts::{Found, Members, Parent, Refusal, present};
use crate::negotiate::Negotiated;
use crate::policy::folder::Listing;
use crate::policy::{Folder, FolderAccess, MissingFolders, ResourceKind, Route};
use crate::rule::{Group, Info, Leads, Rule, Step, Witness};

/// What is known once the resource has been looked up.
#[derive(Clone, Copy, Debug)]
pub struct FindFacts<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// The route that its path falls under.
    pub route: &'a Route,
    /// The folder that it stands in.
    pub folder: &'a Folder,
    /// The request's path.
    pub path: Path<'a>,
    /// The path within the folder that was looked up.
    pub inner: Path<'a>,
    /// What stands there; where a variant was chosen, that.
    pub found: &'a Found,
    /// What came of negotiating, if it has variants.
    pub negotiated: Option<Negotiated>,
}

impl Group for FindFacts<'_> {
    const ID: GroupId = GroupId::Find;
    type Rules = [Rule<Self>; 12];
    const RULES: Self::Rules = [
        Rule {
            info: &Info {
                id: "within",
                asks: "Does it stand within the folder that is served?",
                spec: Spec::new(9110, "15.5.4"),
                needs: FieldSet::EMPTY,
                may: &[Status::FORBIDDEN],
                shown_by: "a symbolic link to /etc in the folder",
            },
            check: |facts| {
                facts.unless_refused(
                    Refusal::Escapes,
                    "a link leads out of the folder that is served",
                )
            },
        },
        Rule {
            info: &Info {
                id: "readable",
                asks: "Does the operating system let us reach it?",
                spec: Spec::new(9110, "15.5.4"),
                needs: FieldSet::EMPTY,
                may: &[Status::FORBIDDEN],
                shown_by: "chmod 000 file",
            },
            check: |facts| {
                facts.unless_refused(
                    Refusal::Denied,
                    "the operating system does not let us reach it",
                )
            },
        },
        Rule {
            info: &Info {
                id: "ordinary",
                asks: "Is it a file or a folder?",
                spec: Spec::new(9110, "15.5.4"),
                needs: FieldSet::EMPTY,
                may: &[Status::FORBIDDEN],
                shown_by: "mkfifo pipe; curl http://localhost:8080/pipe",
            },
            check: |facts| {
                facts.unless_refused(Refusal::Special, "it is neither a file nor a folder")
            },
        },
        Rule {
            info: &Info {
                id: "gone",
                asks: "Was nothing deleted from here?",
                spec: Spec::new(9110, "15.5.11"),
                needs: FieldSet::EMPTY,
                may: &[Status::GONE],
                shown_by: "a GET after a DELETE",
            },
            check: |facts| match facts.found {
                Found::Missing { .. } if facts.negotiated.is_some() => Step::Pass,
                Found::Missing { gone_since: Some(since), .. }
                    if facts.request.method != Method::Put =>
                {
                    Step::Stop(Status::GONE, Witness::Since(*since))
                }
                Found::Missing { .. } => Step::Pass,
                Found::File(_) | Found::Folder { .. } | Found::Refused(_) => Step::Skip,
            },
        },
        Rule {
            info: &Info {
                id: "missing",
                asks: "Is something there?",
                spec: Spec::new(9110, "15.5.5"),
                needs: FieldSet::EMPTY,
                may: &[Status::NOT_FOUND],
                shown_by: "curl http://localhost:8080/no-such-file",
            },
            check: |facts| match facts.found {
                _ if facts.request.method == Method::Put => Step::Skip,
                _ if facts.negotiated.is_some() => Step::Pass,
                Found::Missing { .. } => Step::Stop(Status::NOT_FOUND, Witness::Nothing),
                Found::File(_) if facts.inner.is_folder() => Step::Stop(
                    Status::NOT_FOUND,
                    Witness::Because("what stands there is a file, and the path names a folder"),
                ),
                Found::File(_) | Found::Folder { .. } | Found::Refused(_) => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "folder-name",
                asks: "Does a write name a folder as a folder?",
                spec: Spec::new(9110, "15.5.10"),
                needs: FieldSet::EMPTY,
                may: &[Status::CONFLICT],
                shown_by: "curl -T file http://localhost:8080/folder",
            },
            check: |facts| {
                let named_bare = facts.is_writable()
                    && matches!(facts.request.method, Method::Put | Method::Patch | Method::Delete)
                    && !facts.path.is_folder();
                match facts.found {
                    Found::Folder { .. } if named_bare => Step::Stop(
                        Status::CONFLICT,
                        Witness::Because(
                            "a folder of this name stands there; its path ends in a slash",
                        ),
                    ),
                    Found::Folder { .. } => Step::Pass,
                    Found::File(_) | Found::Missing { .. } | Found::Refused(_) => Step::Skip,
                }
            },
        },
        Rule {
            info: &Info {
                id: "slash",
                asks: "Does the path of a folder end in a slash?",
                spec: Spec::new(9110, "15.4.2"),
                needs: FieldSet::EMPTY,
                may: &[Status::MOVED_PERMANENTLY, Status::PERMANENT_REDIRECT],
                shown_by: "curl -i http://localhost:8080/folder",
            },
            check: |facts| match facts.found {
                Found::Folder { .. } if facts.names_folder() => Step::Pass,
                Found::Folder { .. } if facts.methods().has(facts.request.method) => {
                    let status = match facts.request.method {
                        Method::Get | Method::Head => Status::MOVED_PERMANENTLY,
                        _ => Status::PERMANENT_REDIRECT,
                    };
                    Step::Stop(status, Witness::Leads(Leads::ToSlash))
                }
                Found::Folder { .. }
                | Found::File(_)
                | Found::Missing { .. }
                | Found::Refused(_) => Step::Skip,
            },
        },
        Rule {
            info: &Info {
                id: "listed",
                asks: "Does the folder have an index file, or may its members be listed?",
                spec: Spec::new(9110, "15.5.5"),
                needs: FieldSet::EMPTY,
                may: &[Status::NOT_FOUND],
                shown_by: "listing = false on a route, and a GET of a folder without an index file",
            },
            check: |facts| match (facts.found, facts.request.method) {
                (Found::Folder { index: None, .. }, Method::Get | Method::Head) => {
                    match facts.folder.listing {
                        Listing::On => Step::Pass,
                        Listing::Off => Step::Stop(Status::NOT_FOUND, Witness::Nothing),
                    }
                }
                _ => Step::Skip,
            },
        },
        Rule {
            info: &Info {
                id: "method",
                asks: "Does this resource offer the method?",
                spec: Spec::new(9110, "15.5.6"),
                needs: FieldSet::EMPTY,
                may: &[Status::METHOD_NOT_ALLOWED],
                shown_by: "curl -X DELETE http://localhost:8080/ without --writable",
            },
            check: |facts| {
                // Whatever is there can be read; only other methods depend on what it is.
                if matches!(facts.request.method, Method::Get | Method::Head) {
                    return Step::Pass;
                }
                let methods = facts.methods();
                if methods.has(facts.request.method) {
                    Step::Pass
                } else {
                    Step::Stop(Status::METHOD_NOT_ALLOWED, Witness::Methods(methods))
                }
            },
        },
        Rule {
            info: &Info {
                id: "file-name",
                asks: "Does a PUT name a file?",
                spec: Spec::new(9110, "15.5.10"),
                needs: FieldSet::EMPTY,
                may: &[Status::CONFLICT],
                shown_by: "curl -X PUT -d x http://localhost:8080/new-folder/",
            },
            check: |facts| match facts.request.method {
                Method::Put if facts.path.is_folder() => Step::Stop(
                    Status::CONFLICT,
                    Witness::Because("the path ends in a slash, which no file's does"),
                ),
                Method::Put => Step::Pass,
                _ => Step::Skip,
            },
        },
        Rule {
            info: &Info {
                id: "parent",
                asks: "Is there a folder for what is put?",
                spec: Spec::new(9110, "15.5.10"),
                needs: FieldSet::EMPTY,
                may: &[Status::CONFLICT],
                shown_by: "curl -T file http://localhost:8080/no-such-folder/file",
            },
            check: |facts| match (facts.request.method, facts.found) {
                (Method::Put, Found::Missing { parent: Parent::NotFolder, .. }) => Step::Stop(
                    Status::CONFLICT,
                    Witness::Because("a part of the path names something that is no folder"),
                ),
                (Method::Put, Found::Missing { parent: Parent::Missing, .. })
                    if facts.folder.missing_folders == MissingFolders::Conflict =>
                {
                    Step::Stop(
                        Status::CONFLICT,
                        Witness::Because(
                            "the folder that is to hold it does not exist; `create-folders` makes it",
                        ),
                    )
                }
                (Method::Put, _) => Step::Pass,
                _ => Step::Skip,
            },
        },
        Rule {
            info: &Info {
                id: "members",
                asks: "Is a folder that is to be deleted empty?",
                spec: Spec::new(9110, "15.5.10"),
                needs: FieldSet::EMPTY,
                may: &[Status::CONFLICT],
                shown_by: "curl -X DELETE http://localhost:8080/folder/",
            },
            check: |facts| match (facts.request.method, facts.found) {
                (Method::Delete, Found::Folder { members: Members::Some, .. }) => {
                    Step::Stop(Status::CONFLICT, Witness::Because("the folder has members"))
                }
                (Method::Delete, Found::Folder { .. }) => Step::Pass,
                _ => Step::Skip,
            },
        },
    ];

    fn present(&self) -> FieldSet {
        present(self.request)
    }
}

impl FindFacts<'_> {
    /// The methods that what was found offers.
    #[must_use]
    pub fn methods(&self) -> MethodSet {
        self.route.methods(resource_kind(self.inner, self.found))
    }

    /// Whether a folder is named as one: by the request, or by the path that was made of the request's.
    fn names_folder(&self) -> bool {
        let path = if self.folder.rewrite.is_some() { self.inner } else { self.path };
        path.is_folder()
    }

    fn is_writable(&self) -> bool {
        self.folder.access == FolderAccess::Writable
    }

    fn unless_refused(&self, refusal: Refusal, because: &'static str) -> Step {
        match self.found {
            Found::Refused(found) if *found == refusal => {
                Step::Stop(Status::FORBIDDEN, Witness::Because(because))
            }
            _ => Step::Pass,
        }
    }
}

/// What kind of resource was found, as far as methods differ.
#[must_use]
pub fn resource_kind(path: Path<'_>, found: &Found) -> ResourceKind {
    match found {
        Found::Folder { .. } if path.is_root() => ResourceKind::Root,
        Found::Folder { .. } => ResourceKind::Folder,
        Found::File(_) if is_json(path) => ResourceKind::JsonFile,
        Found::File(_) => ResourceKind::File,
        Found::Missing { .. } | Found::Refused(_) => ResourceKind::Nothing,
    }
}

fn is_json(path: Path<'_>) -> bool {
    let media = media::by_name(path.name());
    // Few are, and the others need not be read for it.
    media.contains("json")
        && media::MediaType::parse(media.as_bytes()).is_some_and(|media| media.is_json())
}
