//! Which known name was meant by one that is not known.

/// Names longer than this are not compared: nobody means a key by them.
const NAME_BYTES_MAX: usize = 64;

/// The known name that is nearest to `name`, if one is near: case, and hyphens against underscores, don't
/// count, and about one letter in three may be wrong.
#[must_use]
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let name = plain(name);
    let far = (name.len() / 3).max(1);
    known
        .into_iter()
        .map(|known| (distance(&name, &plain(known)), known))
        .filter(|(distance, known)| *distance <= far && *distance < known.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

fn plain(name: &str) -> Vec<char> {
    name.chars().map(|c| if c == '_' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// How many letters are to be put in, left out, changed, or swapped with their neighbours.
fn distance(one: &[char], two: &[char]) -> usize {
    let mut before_last = vec![0; two.len() + 1];
    let mut last: Vec<usize> = (0..=two.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in two.iter().enumerate() {
            let changed = last[j] + usize::from(a != b);
            let mut least = changed.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == two[j - 1] && one[i - 1] == *b {
                least = least.min(before_last[j - 1] + 1);
            }
            row.push(least);
        }
        before_last = core::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 5] = ["folder", "redirect", "cache-control", "require-length", "path"];

    #[test]
    fn what_was_meant() {
        for (name, meant) in [
            ("foldr", Some("folder")),
            ("Folder", Some("folder")),
            ("redirct", Some("redirect")),
            ("cache_control", Some("cache-control")),
            ("cachecontrol", Some("cache-control")),
            ("requrie-lenght", Some("require-length")),
            ("pth", Some("path")),
            ("x", None),
            ("", None),
            ("documentation", None),
        ] {
            assert_eq!(nearest(name, KNOWN), meant, "{name}");
        }
        assert_eq!(nearest(&"folder".repeat(20), KNOWN), None);
    }

    #[test]
    fn swapped_neighbours_are_one_mistake() {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        assert_eq!(distance(&chars("ab"), &chars("ba")), 1);
        assert_eq!(distance(&chars("kitten"), &chars("sitting")), 3);
        assert_eq!(distance(&chars(""), &chars("abc")), 3);
    }
}
