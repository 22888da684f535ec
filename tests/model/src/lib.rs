//! The lease operations and the pure half of holding with nothing but the clock that they stand on, as `tests/model` simulates
//! them.

#[path = "../../../src/clock.rs"]
pub mod clock;
#[path = "../../../src/hold"]
pub mod hold {
    //! Holding without processes, signals and requests: its machine and its times.
    pub mod machine;
    pub mod timing;
}
#[path = "../../../src/lease/mod.rs"]
pub mod lease;
#[path = "../../../src/words"]
pub mod words {
    //! The words of the arithmetic of a hold.
    mod exact;
    pub use exact::exact;
}
