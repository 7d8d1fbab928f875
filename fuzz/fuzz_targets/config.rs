//! Files of configuration: nothing panics, every complaint has its place, what is shown can be read, and each
//! route of the model has its place.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wherefore_config::model::{Bounds, model};
use wherefore_config::{Colours, Source, read, show};

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (file, mut report) = read(Source::new("fuzz.toml", text));
    assert_eq!(file.is_some(), report.is_usable());
    for complaint in report.complaints() {
        assert!(text.get(complaint.span.start..complaint.span.end).is_some());
    }
    let _ = report.drawn(Colours::Ansi);
    assert_eq!(report.lines().count(), report.complaints().len());
    if let Some(file) = file {
        let shown = show(&file, report.source());
        assert!(read(Source::new("shown.toml", shown)).0.is_some());
        let bounds = Bounds { content_bytes_max: 1 << 30, patch_bytes_max: 1 << 20 };
        let mut text_of = |path: &str| match path.contains('x') {
            true => Err("it has an x".to_owned()),
            false => Ok("<p>".to_owned()),
        };
        let made = model(&file, bounds, &mut text_of, &mut report);
        assert_eq!(made.is_some(), report.is_usable());
        if let Some(made) = made {
            for (site, places) in made.sites.iter().zip(&made.places) {
                assert_eq!(site.routes().len(), places.routes.len());
            }
        }
    }
});
