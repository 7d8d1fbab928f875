//! Laws that hold for any input, held against generated ones.

mod accepting;
mod dates;
mod forms;
mod languages;
mod lists;
mod paths;
mod ranges;
mod robust;
mod structured;
