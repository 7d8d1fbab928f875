//! Files of configuration: nothing panics, every complaint has its place, and what is shown can be read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wherefore_config::{Colours, Source, read, show};

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (file, report) = read(Source::new("fuzz.toml", text));
    assert_eq!(file.is_some(), report.is_usable());
    for complaint in report.complaints() {
        assert!(text.get(complaint.span.start..complaint.span.end).is_some());
    }
    let _ = report.drawn(Colours::Ansi);
    assert_eq!(report.lines().count(), report.complaints().len());
    if let Some(file) = file {
        let shown = show(&file, report.source());
        assert!(read(Source::new("shown.toml", shown)).0.is_some());
    }
});
