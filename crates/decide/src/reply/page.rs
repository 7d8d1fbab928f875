//! The operator's pages in place of our explanations. They are content: the status and its fields stay.

use wherefore_message::escape;
use wherefore_message::problem::ProblemForm;

use crate::policy::dress::PageForm;
use crate::reply::Setting;
use crate::reply::explanation::detail;

/// The page that stands in for the explanation in this form.
pub(super) fn of<'a>(setting: &Setting<'a>, form: ProblemForm) -> Option<(PageForm, &'a str)> {
    let form = match form {
        ProblemForm::Html => PageForm::Html,
        ProblemForm::Text => PageForm::Text,
        ProblemForm::Json => return None,
    };
    if setting.verdict.because.id == "maintenance"
        && form == PageForm::Html
        && let Some(maintenance) = &setting.matched?.route.gate.maintenance
        && let Some(page) = &maintenance.page
    {
        return Some((form, page));
    }
    let page = setting.dress?.page(setting.verdict.status, form)?;
    Some((form, &page.text))
}

/// Its text with what it asks for in its places.
pub(super) fn filled(
    setting: &Setting<'_>,
    (form, text): (PageForm, &str),
    request_id: &str,
) -> String {
    let status = setting.verdict.status;
    let (code, detail) = (status.code().to_string(), detail(setting));
    let values = [
        ("{{status}}", &*code),
        ("{{title}}", status.phrase()),
        ("{{detail}}", &*detail),
        ("{{request-id}}", request_id),
    ];
    let (mut filled, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find("{{") {
        let (before, from) = rest.split_at(at);
        filled.push_str(before);
        match values.iter().find(|(place, _)| from.starts_with(place)) {
            Some((place, value)) => {
                match form {
                    PageForm::Html => filled.push_str(&escape::html(value)),
                    PageForm::Text => filled.push_str(value),
                }
                rest = from.get(place.len()..).unwrap_or_default();
            }
            None => {
                filled.push_str("{{");
                rest = from.get(2..).unwrap_or_default();
            }
        }
    }
    filled.push_str(rest);
    filled
}
