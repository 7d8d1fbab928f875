//! What is encoded as it is sent.

use std::sync::Arc;

use wherefore_decide::policy::compress::Types;
use wherefore_decide::policy::{Compress, Route};
use wherefore_message::Coding;
use wherefore_message::coding::Level;
use wherefore_message::media::TypeRange;

use super::Lowering;
use crate::complaint::Complaint;
use crate::keys::{self, Policies};
use crate::table::Set;
use crate::value::{CodingName, List, MediaRange, Switch};

impl Lowering<'_, '_> {
    /// Has a route encode what it sends.
    pub(super) fn compress(&mut self, policies: &Policies, route: &mut Route) {
        let compress = match policies.compress.as_ref().map(|set| &set.value) {
            None | Some(Switch::Off) => return,
            Some(Switch::On) => Compress::usual(),
            Some(Switch::As(told)) => self.told(&told.resolved()),
        };
        route.compress = Some(Arc::new(compress));
    }

    fn told(&mut self, told: &keys::Compress) -> Compress {
        let mut compress = Compress::usual();
        for coding in Coding::ALL {
            let is_offered = |codings: &Set<List<CodingName>>| {
                codings.value.0.iter().any(|name| name.value == name_of(coding))
            };
            if !told.codings.as_ref().is_none_or(is_offered) {
                compress = compress.without(coding);
            } else if let Some(level) = level(coding, told) {
                compress = compress.with(level);
            }
        }
        if let Some(min) = &told.min {
            compress.bytes_min = min.value.bytes;
        }
        if let Some(types) = &told.types {
            compress.types = Types::Listed(self.type_ranges(&types.value));
        }
        compress
    }

    /// The types of a list, each alone or as a range.
    pub(super) fn type_ranges(&mut self, types: &List<MediaRange>) -> Vec<TypeRange> {
        let mut ranges = Vec::new();
        for media_type in &types.0 {
            match TypeRange::parse(media_type.value.as_str()) {
                Some(range) => ranges.push(range),
                None => {
                    let what = "parameters make no difference here";
                    let complaint = Complaint::error(media_type.span, what);
                    self.complain(complaint.right("a type or a range alone, such as \"text/*\""));
                }
            }
        }
        ranges
    }
}

/// The level that the file names; its rows allow those that there are, and no others.
fn level(coding: Coding, told: &keys::Compress) -> Option<Level> {
    let level = match coding {
        Coding::Brotli => &told.br_level,
        Coding::Zstd => &told.zstd_level,
        Coding::Gzip => &told.gzip_level,
    };
    Level::new(coding, u8::try_from(level.as_ref()?.value.0).ok()?)
}

const fn name_of(coding: Coding) -> CodingName {
    match coding {
        Coding::Brotli => CodingName::Brotli,
        Coding::Zstd => CodingName::Zstd,
        Coding::Gzip => CodingName::Gzip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Bounds, model};
    use crate::source::Source;

    /// What the file's one route encodes, or the complaints.
    fn compress(value: &str) -> Result<Option<Arc<Compress>>, Vec<(String, String)>> {
        let text = format!(
            "[site.\"a.example\"]\n[[site.\"a.example\".route]]\npath = \"/\"\nfolder = \"/srv\"\ncompress = {value}\n"
        );
        let (file, mut report) = crate::read(Source::new("test.toml", text.clone()));
        let bounds = Bounds { content_bytes_max: 1, patch_bytes_max: 1 };
        let made =
            file.and_then(|file| model(&file, bounds, &mut |_| Ok(String::new()), &mut report));
        let Some(made) = made else {
            let complaints = report.complaints();
            let place =
                |complaint: &Complaint| text[complaint.span.start..complaint.span.end].to_owned();
            return Err(complaints.iter().map(|one| (place(one), one.what.clone())).collect());
        };
        Ok(made.sites[0].routes()[0].compress.clone())
    }

    fn offers(compress: &Compress, media_type: &str, length: u64) -> Vec<(&'static str, u8)> {
        let levels = compress.offers(media_type, length);
        levels.map(|level| (level.coding().name(), level.number())).collect()
    }

    #[test]
    fn what_is_encoded_is_what_the_file_says() {
        assert_eq!(compress("false"), Ok(None));
        assert_eq!(compress("true"), Ok(Some(Arc::new(Compress::usual()))));
        assert_eq!(compress("{}"), compress("true"), "the defaults are the usual");
        let told = compress(
            "{ codings = [\"br\", \"gzip\"], gzip-level = 9, min = \"256B\", types = [\"text/*\"] }",
        );
        let told = told.unwrap().unwrap();
        assert_eq!(offers(&told, "text/html", 256), [("br", 5), ("gzip", 9)]);
        assert_eq!(offers(&told, "text/html", 255), []);
        assert_eq!(offers(&told, "application/json", 4096), []);
    }

    #[test]
    fn levels_are_those_that_there_are() {
        for coding in Coding::ALL {
            let (name, numbers) = (coding.name(), Level::numbers(coding));
            let read = |number: u8| compress(&format!("{{ {name}-level = {number} }}"));
            for number in numbers.clone() {
                let told = read(number).unwrap().unwrap();
                assert!(offers(&told, "text/html", 4096).contains(&(name, number)));
            }
            for number in [numbers.start() - 1, numbers.end() + 1] {
                let complaints = read(number).unwrap_err();
                assert_eq!(complaints.len(), 1, "{complaints:?}");
                assert_eq!(complaints[0].0, number.to_string());
            }
        }
    }

    #[test]
    fn a_type_has_no_parameters() {
        let complaints = compress("{ types = [\"text/html;level=1\"] }").unwrap_err();
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        assert_eq!(complaints[0].0, "\"text/html;level=1\"");
    }
}
