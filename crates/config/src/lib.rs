//! The configuration: a file of TOML, read whole, with every complaint at once and each at its place.
//!
//! Text in, configuration or complaints out: no file is opened here, and no clock asked.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

use toml::de::DeTable;

pub mod complaint;
pub mod docs;
mod duplicate;
mod hints;
pub mod keys;
pub mod kind;
pub mod model;
pub mod nearest;
pub mod schema;
mod show;
pub mod source;
pub mod table;
pub mod value;

pub use complaint::{Colours, Complaint, Report, Severity};
pub use show::show;
pub use source::{Placed, Position, Source, Span};
pub use table::{Key, Provenance, Set};

/// The longest text that is read, in octets.
pub const TEXT_BYTES_MAX: usize = 8 << 20;

/// Reads a file. The configuration is there if no complaint is an error.
#[must_use]
pub fn read(source: Source) -> (Option<keys::File>, Report) {
    let (file, complaints) = if source.text().len() > TEXT_BYTES_MAX {
        let what = format!("the file has more than {} octets", TEXT_BYTES_MAX);
        (None, vec![Complaint::error(Span::default(), what)])
    } else {
        read_text(&source)
    };
    let mut report = Report::new(source);
    report.extend(complaints);
    let file = file.filter(|_| report.is_usable());
    (file, report)
}

fn read_text(source: &Source) -> (Option<keys::File>, Vec<Complaint>) {
    let mut reader = table::Reader::new(source);
    let (members, errors) = DeTable::parse_recoverable(source.text());
    let mut faults = duplicate::Faults::new(source, members.get_ref());
    for error in &errors {
        reader.complain_of_syntax(faults.complaint(error));
    }
    let head = Span::default();
    let file = table::Table::read::<keys::File>(members.get_ref(), head, &mut reader);
    (Some(file), reader.into_complaints())
}
