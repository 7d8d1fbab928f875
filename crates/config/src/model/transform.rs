//! What is changed of the content of an upstream's answers.

use wherefore_gateway::transform::{
    KeepStatus, OLD_BYTES_MAX, REPLACEMENTS_MAX, Replacement, Replacements, Transform,
};
use wherefore_message::Coding;
use wherefore_message::coding::Level;

use super::Lowering;
use super::gateway::{names, pairs};
use super::route::is_true;
use crate::complaint::Complaint;
use crate::keys;
use crate::table::Set;
use crate::value::{AnswerText, CodingName, Named};

impl Lowering<'_, '_> {
    pub(super) fn transform(&mut self, set: &Set<keys::Transform>) -> Option<Transform> {
        let keys = &set.value;
        let replacements = match &keys.replace {
            Some(replace) => self.replacements(replace)?,
            None => Replacements::NONE,
        };
        let is_idle = keys.replace.is_none()
            && keys.recompress.is_none()
            && keys.set.is_none()
            && keys.drop.is_none();
        if is_idle && let Some(span) = set.from.span() {
            let what = "nothing is changed by this";
            self.complain(
                Complaint::warning(span, what).right("`replace`, `recompress`, `set` or `drop`"),
            );
        }
        let types = keys.types.as_ref().map(|set| self.type_ranges(&set.value)).unwrap_or_default();
        let codings = keys.recompress.iter().flat_map(|set| &set.value.0);
        let levels = codings.map(|coding| Level::usual(coding_of(coding.value))).collect();
        let keep_status = if is_true(&keys.keep_status) { KeepStatus::Yes } else { KeepStatus::No };
        Some(
            Transform::new(replacements)
                .of_types(types)
                .recompressed(levels)
                .with_fields(pairs(keys.set.as_ref()), names(keys.drop.as_ref()))
                .keeping_status(keep_status),
        )
    }

    fn replacements(&mut self, set: &Set<Named<AnswerText, AnswerText>>) -> Option<Replacements> {
        let pairs = &set.value.0;
        let mut is_right = true;
        for (old, _) in pairs {
            let what = match old.value.as_str().len() {
                0 => "nothing is looked for here".to_owned(),
                1..=OLD_BYTES_MAX => continue,
                _ => format!("what is looked for has {OLD_BYTES_MAX} octets at most"),
            };
            self.complain(Complaint::error(old.span, what));
            is_right = false;
        }
        if pairs.len() > REPLACEMENTS_MAX {
            let what = format!("more than {REPLACEMENTS_MAX} texts are looked for");
            self.complain(Complaint::error(set.from.span().unwrap_or_default(), what));
            is_right = false;
        }
        let octets = |text: &AnswerText| text.as_str().as_bytes().into();
        let list = pairs
            .iter()
            .map(|(old, new)| Replacement { old: octets(&old.value), new: octets(&new.value) });
        is_right.then(|| Replacements::new(list.collect())).flatten()
    }
}

const fn coding_of(name: CodingName) -> Coding {
    match name {
        CodingName::Brotli => Coding::Brotli,
        CodingName::Zstd => Coding::Zstd,
        CodingName::Gzip => Coding::Gzip,
    }
}
