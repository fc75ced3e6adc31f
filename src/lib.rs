pub mod error;
pub mod ir;
pub mod wire;
