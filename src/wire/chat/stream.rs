mod calls;
mod reader;
mod writer;

pub use reader::StreamReader;
pub use writer::StreamWriter;
