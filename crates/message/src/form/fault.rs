//! Every way a posted form can be wrong, with the status that answers it and the section that says so.
//! Unlike a [`Fault`](crate::Fault), it leaves the framing of the message alone: the connection goes on.

use core::fmt;

use crate::fault::FaultClass;
use crate::spec::Spec;
use crate::status::Status;

/// A fault of a posted form: what kind, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormFault {
    /// What is wrong.
    pub kind: FormFaultKind,
    /// How many octets into the content it stands; of what is missing, where it was missed.
    pub at: u64,
}

impl FormFault {
    /// A fault of this kind at this octet.
    #[must_use]
    pub const fn new(kind: FormFaultKind, at: u64) -> Self {
        Self { kind, at }
    }
}

macro_rules! faults {
    ($( $name:ident $id:literal $class:ident $rfc:literal $section:literal $text:literal; )*) => {
        /// The kinds of faults of forms. Each has a stable id, a sentence and a section.
        #[allow(missing_docs, reason = "each variant is explained by its text in the table")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum FormFaultKind { $($name),* }

        impl FormFaultKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its stable name, as logs and tests use it.
            #[must_use]
            pub const fn id(self) -> &'static str { match self { $(Self::$name => $id),* } }

            /// Whether something is malformed ([`FaultClass::Syntax`]) or larger than a limit
            /// ([`FaultClass::ContentSize`]).
            #[must_use]
            pub const fn class(self) -> FaultClass {
                match self { $(Self::$name => FaultClass::$class),* }
            }

            /// The section that calls it wrong.
            #[must_use]
            pub const fn spec(self) -> Spec { match self { $(Self::$name => Spec::new($rfc, $section)),* } }

            /// A sentence for people, without its full stop.
            #[must_use]
            pub const fn text(self) -> &'static str { match self { $(Self::$name => $text),* } }
        }
    };
}

faults! {
    Percent "form-percent" Syntax 3986 "2.1" "a percent sign in the form is not followed by two hexadecimal digits";
    Boundary "form-boundary" Syntax 2046 "5.1.1" "the media type of the form has no boundary of 1 to 70 of the characters that one may hold";
    DelimiterLine "form-delimiter-line" Syntax 2046 "5.1.1" "something else stands behind a boundary on its line";
    Unended "form-unended" Syntax 2046 "5.1.1" "the form ends before the boundary that closes it";
    PartLineFeed "part-line-feed" Syntax 2046 "5.1.1" "a line in the head of a part ends in LF without CR";
    PartCarriageReturn "part-carriage-return" Syntax 2046 "5.1.1" "a CR stands without its LF in the head of a part";
    PartFieldName "part-field-name" Syntax 2046 "5.1" "a line in the head of a part does not begin with a field name and a colon";
    PartFieldOctet "part-field-octet" Syntax 2046 "5.1" "a field value in the head of a part holds a control character";
    PartFieldFolded "part-field-folded" Syntax 2046 "5.1" "a field value in the head of a part goes on in a further line";
    PartFieldRepeated "part-field-repeated" Syntax 7578 "4.8" "a field stands twice in the head of a part";
    DispositionMissing "part-disposition-missing" Syntax 7578 "4.2" "a part has no Content-Disposition";
    DispositionSyntax "part-disposition-syntax" Syntax 7578 "4.2" "the Content-Disposition of a part is not form-data with parameters";
    NameMissing "part-name-missing" Syntax 7578 "4.2" "the Content-Disposition of a part has no name";
    ParameterRepeated "part-parameter-repeated" Syntax 7578 "4.2" "the Content-Disposition of a part has a parameter twice";
    FileNameExtended "part-file-name-extended" Syntax 7578 "4.2" "the Content-Disposition of a part has a filename*, which a form may not have";
    NameText "part-name-text" Syntax 7578 "5.1.3" "the name of a part, or of its file, is not UTF-8";
    PartType "part-type" Syntax 7578 "4.4" "the Content-Type of a part is not a media type";
    PartCoding "part-coding" Syntax 7578 "4.7" "a part has a transfer encoding";
    ValueText "form-value-text" Syntax 7578 "5.1.3" "the value of a field of the form is not UTF-8";
    Json "json" Syntax 8259 "2" "the content is not one JSON value";
    FieldsTooMany "form-fields-too-many" ContentSize 9110 "15.5.14" "the form has more fields than the limit";
    FieldsTooLarge "form-fields-too-large" ContentSize 9110 "15.5.14" "the fields of the form are together larger than the limit";
    FilesTooMany "form-files-too-many" ContentSize 9110 "15.5.14" "the form has more files than the limit";
    FileTooLarge "form-file-too-large" ContentSize 9110 "15.5.14" "a file in the form is larger than the limit";
    FormTooLarge "form-too-large" ContentSize 9110 "15.5.14" "the form is larger than the limit";
    PartsTooMany "form-parts-too-many" ContentSize 9110 "15.5.14" "the form has more parts than the limit";
    PartHeadTooLarge "part-head-too-large" ContentSize 9110 "15.5.14" "the head of a part is larger than the limit";
    NameTooLong "part-name-too-long" ContentSize 9110 "15.5.14" "the name of a part, or of its file, is longer than the limit";
}

impl FormFaultKind {
    /// The status that answers it.
    #[must_use]
    pub fn status(self) -> Status {
        match self.class() {
            FaultClass::ContentSize => Status::CONTENT_TOO_LARGE,
            _ => Status::BAD_REQUEST,
        }
    }
}

impl fmt::Display for FormFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at octet {})", self.kind.text(), self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FaultKind;
    use crate::spec::CURRENT_RFCS;

    #[test]
    fn ids_are_unique_and_sections_current() {
        for (i, kind) in FormFaultKind::ALL.iter().enumerate() {
            assert!(
                FormFaultKind::ALL[..i].iter().all(|other| other.id() != kind.id()),
                "{kind:?}"
            );
            assert!(FaultKind::ALL.iter().all(|other| other.id() != kind.id()), "{kind:?}");
            assert!(CURRENT_RFCS.contains(&kind.spec().rfc), "{kind:?}");
            assert!(kind.status().is_error() && !kind.text().ends_with('.'), "{kind:?}");
        }
    }
}
