//! The folder and the memory are the same store: whatever is done to both, both say the same.

use proptest::prelude::*;

use super::*;
use crate::MemoryStore;

const PATHS: [&str; 8] =
    ["/a", "/a.gz", "/a.br", "/d", "/d/b", "/d/b.zst", "/d/e/c", "/d/index.html"];

#[derive(Clone, Debug)]
enum Operation {
    Replace { path: &'static str, folders: CreateFolders, length: u8, whole: Option<LookFor> },
    Create { folder: &'static str, names: Vec<&'static str> },
    Remove { path: &'static str },
}

fn any_operation() -> impl Strategy<Value = Operation> {
    let path = || proptest::sample::select(&PATHS[..]);
    let folders = proptest::sample::select(vec![CreateFolders::No, CreateFolders::Yes]);
    let whole =
        proptest::option::of(proptest::sample::select(vec![LookFor::Original, LookFor::Content]));
    let names = proptest::collection::vec(proptest::sample::select(vec!["a", "b", "b.zst"]), 0..3);
    prop_oneof![
        4 => (path(), folders, 0..40u8, whole).prop_map(|(path, folders, length, whole)| {
            Operation::Replace { path, folders, length, whole }
        }),
        1 => (proptest::sample::select(vec!["/", "/d", "/a"]), names)
            .prop_map(|(folder, names)| Operation::Create { folder, names }),
        2 => path().prop_map(|path| Operation::Remove { path }),
    ]
}

/// Carries it out, and says what came of it in words that don't depend on the store.
fn carry_out(store: &dyn Store, operation: &Operation) -> String {
    let staged = |length: u8| {
        let mut staged = store.stage(b"/", None)?;
        staged.write(&vec![b'x'; length.into()])?;
        Ok::<_, StoreError>(staged)
    };
    let result = match operation {
        Operation::Replace { path, folders, length, whole } => {
            let (path, folders) = (path.as_bytes(), *folders);
            let replaced = if let Some(what) = *whole {
                let content = vec![b'x'; (*length).into()];
                let how = (what, Wait::Yes);
                store.replace_with(path, &content, folders, how, &mut |_| true)
            } else {
                let staged = staged(*length);
                staged.and_then(|staged| store.replace(path, staged, folders, &mut |_| true))
            };
            replaced.map(|w| {
                assert!(!w.info.tag.is_weak());
                format!("created {} of {}", w.created, w.info.meta.length)
            })
        }
        Operation::Create { folder, names } => staged(9).and_then(|staged| {
            let mut names = names.iter().map(|name| name.as_bytes().to_vec());
            store
                .create_member(folder.as_bytes(), &mut names, staged)
                .map(|(name, info)| format!("{name:?} of {}", info.meta.length))
        }),
        Operation::Remove { path } => store
            .remove(path.as_bytes(), &mut |_| true, &mut || Ok(()))
            .map(|removed| match removed {
                Removed::File(info) => format!("a file of {}", info.meta.length),
                Removed::Folder => "a folder".into(),
            }),
    };
    result.unwrap_or_else(|error| error.to_string())
}

/// All that can be seen from outside, but for times and identities.
fn everything(store: &dyn Store) -> Vec<String> {
    let mut all = Vec::new();
    for path in ["/", "/d/e", "/none", "/a/under"].into_iter().chain(PATHS) {
        all.push(match store.look(path.as_bytes(), LookFor::Emptiness, Wait::Yes).unwrap() {
            Look::File(found) => {
                let length = |info: &FileInfo| info.meta.length;
                let codings: Vec<_> =
                    found.codings.iter().map(|(coding, info)| (coding, length(info))).collect();
                format!("{path}: {} {codings:?}", length(&found.info))
            }
            Look::Folder { index, empty, .. } => {
                let members = store.list(path.as_bytes(), 9).unwrap().members;
                let members: Vec<_> =
                    members.into_iter().map(|m| (m.name, m.kind, m.length)).collect();
                format!("{path}: {index:?} {empty:?} {members:?}")
            }
            other => format!("{path}: {other:?}"),
        });
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn folder_and_memory_agree(operations in proptest::collection::vec(any_operation(), 1..25)) {
        let scratch = Scratch::new();
        let folder = FileStore::open(scratch.path(), Options { quota_bytes: Some(90), ..writable() });
        let folder = folder.unwrap();
        let memory = MemoryStore::with_quota(90);
        for operation in &operations {
            let (one, other) = (carry_out(&folder, operation), carry_out(&memory, operation));
            prop_assert_eq!(one, other, "{:?} of {:?}", operation, operations);
            prop_assert_eq!(everything(&folder), everything(&memory), "after {:?}", operation);
        }
        drop(folder);
        let counted = FileStore::open(scratch.path(), writable()).unwrap().scan();
        let lengths: u64 = walk(scratch.path());
        prop_assert_eq!((counted.bytes, counted.removed), (lengths, 0));
    }
}

fn walk(folder: &Path) -> u64 {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() { walk(&entry.path()) } else { metadata.len() }
        })
        .sum()
}
