//! Each rule: a history that breaks it, and a near miss that does not.

mod excuses;
mod generated;
mod i1_to_i4;
mod i5_and_i6;
mod i7;
mod i8_and_i9;
mod lingering;
mod shortest;
mod takeovers;
mod tried;
mod whole;
