//! The C interface of `libchdb.so` (`programs/local/chdb.h` of chdb-core 26.7), loaded with dlopen.
//! The only file with unsafe code: what it exports is safe to call in any order from any thread.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::ManuallyDrop;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

type Pointer = *mut c_void;
type Bytes = *const u8;

macro_rules! functions {
    ($(fn $name:ident($($argument:ty),*) $(-> $result:ty)?;)*) => {
        struct Functions { $($name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)* }

        impl Functions {
            /// Looks up every function by name.
            ///
            /// # Safety
            /// The library must be libchdb, so that each symbol has the signature declared below.
            unsafe fn bind(library: &libloading::Library) -> Result<Self, libloading::Error> {
                // SAFETY: passed on to the caller; the pointers outlive the symbols because the
                // library is never closed (see `Library`).
                unsafe { Ok(Self { $($name: *library.get(concat!(stringify!($name), "\0"))?,)* }) }
            }
        }
    };
}

functions! {
    fn chdb_version() -> *const c_char;
    fn chdb_set_signal_handlers_enabled(c_int);
    fn chdb_connect(c_int, *mut *mut c_char) -> *mut Pointer;
    fn chdb_close_conn(*mut Pointer);
    fn chdb_query_with_params_n(Pointer, Bytes, usize, Bytes, usize, *const Bytes, *const usize, *const Bytes, *const usize, usize) -> Pointer;
    fn chdb_stream_query_with_params_n(Pointer, Bytes, usize, Bytes, usize, *const Bytes, *const usize, *const Bytes, *const usize, usize) -> Pointer;
    fn chdb_stream_fetch_result(Pointer, Pointer) -> Pointer;
    fn chdb_stream_cancel_query(Pointer, Pointer);
    fn chdb_destroy_query_result(Pointer);
    fn chdb_result_buffer(Pointer) -> *const u8;
    fn chdb_result_length(Pointer) -> usize;
    fn chdb_result_elapsed(Pointer) -> f64;
    fn chdb_result_rows_read(Pointer) -> u64;
    fn chdb_result_bytes_read(Pointer) -> u64;
    fn chdb_result_storage_rows_read(Pointer) -> u64;
    fn chdb_result_storage_bytes_read(Pointer) -> u64;
    fn chdb_result_rows_written(Pointer) -> u64;
    fn chdb_result_bytes_written(Pointer) -> u64;
    fn chdb_result_error(Pointer) -> *const c_char;
    fn chdb_stream_insert_with_params_n(Pointer, Bytes, usize, Bytes, usize, *const Bytes, *const usize, *const Bytes, *const usize, usize) -> Pointer;
    fn chdb_stream_append(Pointer, *const c_void, usize) -> c_int;
    fn chdb_stream_done(Pointer) -> Pointer;
    fn chdb_stream_cancel_insert(Pointer);
    fn chdb_stream_insert_error(Pointer) -> *const c_char;
    fn chdb_destroy_insert_stream(Pointer);
    fn chdb_classify_query_n(Pointer, Bytes, usize, Bytes, usize, *mut Analysis) -> c_int;
}

/// `chdb_query_analysis_v1`.
#[repr(C)]
#[derive(Default)]
pub(super) struct Analysis {
    struct_bytes: u32,
    /// Statements in the text; 0 if it does not parse.
    pub(super) statements: u32,
    flags: u32,
    /// `chdb_query_class`: 0 only reads, 4 does not parse.
    pub(super) class: u32,
}

/// What one statement did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Rows of the answer.
    pub result_rows: u64,
    /// Bytes of the answer in the engine's memory layout.
    pub result_bytes: u64,
    /// Rows read from tables.
    pub read_rows: u64,
    /// Bytes read from tables.
    pub read_bytes: u64,
    /// Rows written, those of materialized views included.
    pub written_rows: u64,
    /// Bytes written, those of materialized views included.
    pub written_bytes: u64,
    /// Time the engine took, in nanoseconds.
    pub elapsed_ns: u64,
}

/// A loaded libchdb. It is never closed: the engine's threads run until the process ends.
pub(super) struct Library {
    functions: Functions,
    _never_closed: ManuallyDrop<libloading::Library>,
}

impl Library {
    /// Loads libchdb and keeps it from installing signal handlers.
    pub(super) fn load(path: &Path) -> Result<Arc<Self>, libloading::Error> {
        // SAFETY: loading runs the library's initialisers. The operator names the file and `make
        // engine` checks its SHA-256; a library without libchdb's functions is refused by `bind`.
        let library = ManuallyDrop::new(unsafe { libloading::Library::new(path) }?);
        // SAFETY: as above, this is libchdb.
        let functions = unsafe { Functions::bind(&library) }?;
        // SAFETY: takes a plain number; called before the first connection, as the header demands.
        unsafe { (functions.chdb_set_signal_handlers_enabled)(0) };
        Ok(Arc::new(Self { functions, _never_closed: library }))
    }

    pub(super) fn version(&self) -> String {
        // SAFETY: no arguments; returns a static string.
        text(unsafe { (self.functions.chdb_version)() }).unwrap_or_default()
    }
}

/// Copies a C string; `None` for null.
fn text(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: libchdb returns null or a NUL-terminated string that lives as long as its owner, and
    // every caller holds the owner borrowed.
    Some(unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned())
}

/// A statement, its default format and the values of its `{name:Type}` placeholders.
#[derive(Clone, Copy)]
pub struct Statement<'a> {
    /// The SQL text; for [`Connection::insert`](super::Connection::insert) without `FORMAT` and data.
    pub sql: &'a [u8],
    /// The format of the answer unless the SQL names one; for an insert, the format of the data.
    pub format: &'a str,
    /// Names and values of parameters; values in ClickHouse's escaped text form.
    pub parameters: &'a [(String, String)],
}

/// Pointers and lengths of parameters, as the `_with_params_n` functions want them.
struct ParameterArrays {
    names: Vec<Bytes>,
    name_bytes: Vec<usize>,
    values: Vec<Bytes>,
    value_bytes: Vec<usize>,
}

impl ParameterArrays {
    /// The pointers are valid as long as `parameters` is borrowed.
    fn new(parameters: &[(String, String)]) -> Self {
        Self {
            names: parameters.iter().map(|(name, _)| name.as_ptr()).collect(),
            name_bytes: parameters.iter().map(|(name, _)| name.len()).collect(),
            values: parameters.iter().map(|(_, value)| value.as_ptr()).collect(),
            value_bytes: parameters.iter().map(|(_, value)| value.len()).collect(),
        }
    }
}

/// Calls one of the three functions that take a statement with parameters.
macro_rules! call_with_statement {
    ($connection:expr, $function:ident, $statement:expr) => {{
        let (connection, statement) = (&$connection, $statement);
        let parameters = ParameterArrays::new(statement.parameters);
        // SAFETY: the connection is open (it is closed only on drop) and `&mut` makes this its only
        // statement; every pointer goes with its length and outlives the call, after which the
        // engine keeps none of them.
        unsafe {
            (connection.library.functions.$function)(
                connection.raw(),
                statement.sql.as_ptr(),
                statement.sql.len(),
                statement.format.as_ptr(),
                statement.format.len(),
                parameters.names.as_ptr(),
                parameters.name_bytes.as_ptr(),
                parameters.values.as_ptr(),
                parameters.value_bytes.as_ptr(),
                statement.parameters.len(),
            )
        }
    }};
}

/// An open connection: a session of its own that runs one statement at a time.
pub(super) struct RawConnection {
    library: Arc<Library>,
    handle: NonNull<Pointer>,
}

// SAFETY: libchdb binds nothing of a connection to the thread that opened it (its header demands only that
// a connection's statements do not overlap), and every statement here takes `&mut`.
unsafe impl Send for RawConnection {}
// SAFETY: `&RawConnection` allows no call into libchdb.
unsafe impl Sync for RawConnection {}

impl RawConnection {
    /// Opens a connection; the first one starts the engine. `None` if libchdb refuses, which it explains
    /// on standard error only.
    pub(super) fn open(library: &Arc<Library>, arguments: &[CString]) -> Option<Self> {
        let mut pointers: Vec<*mut c_char> = arguments.iter().map(|a| a.as_ptr().cast_mut()).collect();
        let count = c_int::try_from(pointers.len()).ok()?;
        // SAFETY: `count` NUL-terminated strings, which libchdb copies and does not write to.
        let handle = unsafe { (library.functions.chdb_connect)(count, pointers.as_mut_ptr()) };
        let handle = NonNull::new(handle)?;
        // SAFETY: a non-null answer points to the connection's pointer.
        let connected = !unsafe { handle.read() }.is_null();
        connected.then(|| Self { library: Arc::clone(library), handle })
    }

    fn raw(&self) -> Pointer {
        // SAFETY: checked in `open`; libchdb changes it only in `chdb_close_conn`, in `drop`.
        unsafe { self.handle.read() }
    }

    pub(super) fn query(&mut self, statement: Statement<'_>) -> Result<Chunk, String> {
        let answer = call_with_statement!(self, chdb_query_with_params_n, statement);
        Chunk::new(&self.library, answer)
    }

    pub(super) fn select(&mut self, statement: Statement<'_>) -> Result<RawSelect<'_>, String> {
        let answer = call_with_statement!(self, chdb_stream_query_with_params_n, statement);
        let stream = Chunk::new(&self.library, answer)?;
        Ok(RawSelect { stream, connection: self, ended: false })
    }

    pub(super) fn insert(&mut self, statement: Statement<'_>) -> Result<RawInsert<'_>, String> {
        let stream = call_with_statement!(self, chdb_stream_insert_with_params_n, statement);
        let stream = NonNull::new(stream).ok_or("the engine opened no insert")?;
        let insert = RawInsert { stream, connection: self, open: true };
        insert.error().map_or(Ok(insert), Err)
    }

    /// What the engine's own parser makes of a text, without running it; `None` if it can't say.
    pub(super) fn analyse(&mut self, sql: &[u8]) -> Option<Analysis> {
        let mut analysis = Analysis { struct_bytes: size_of::<Analysis>() as u32, ..Analysis::default() };
        // SAFETY: open connection, text with its length, no target database (null, 0), and a struct whose
        // size is told.
        let state = unsafe {
            (self.library.functions.chdb_classify_query_n)(
                self.raw(),
                sql.as_ptr(),
                sql.len(),
                std::ptr::null(),
                0,
                &raw mut analysis,
            )
        };
        (state == 0).then_some(analysis)
    }
}

impl Drop for RawConnection {
    fn drop(&mut self) {
        // SAFETY: closed once; streams borrow the connection, so none is left.
        unsafe { (self.library.functions.chdb_close_conn)(self.handle.as_ptr()) }
    }
}

/// An answer of the engine, read in place without a copy.
pub struct Chunk {
    library: Arc<Library>,
    result: NonNull<c_void>,
}

// SAFETY: a result is a plain buffer owned by its handle, bound to no thread.
unsafe impl Send for Chunk {}
// SAFETY: shared access only reads the buffer and its counters.
unsafe impl Sync for Chunk {}

impl Chunk {
    /// Takes ownership of a result; the engine's error text if it holds one.
    fn new(library: &Arc<Library>, result: Pointer) -> Result<Self, String> {
        let result = NonNull::new(result).ok_or("the engine gave no answer")?;
        let chunk = Self { library: Arc::clone(library), result };
        // SAFETY: an owned result; `text` copies the string while the result lives.
        let error = text(unsafe { (library.functions.chdb_result_error)(result.as_ptr()) });
        error.map_or(Ok(chunk), Err)
    }

    /// What the statement did so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let (call, result) = (&self.library.functions, self.result.as_ptr());
        // SAFETY: each takes an owned result and returns a number.
        unsafe {
            Statistics {
                result_rows: (call.chdb_result_rows_read)(result),
                result_bytes: (call.chdb_result_bytes_read)(result),
                read_rows: (call.chdb_result_storage_rows_read)(result),
                read_bytes: (call.chdb_result_storage_bytes_read)(result),
                written_rows: (call.chdb_result_rows_written)(result),
                written_bytes: (call.chdb_result_bytes_written)(result),
                elapsed_ns: ((call.chdb_result_elapsed)(result) * 1e9) as u64,
            }
        }
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        let (call, result) = (&self.library.functions, self.result.as_ptr());
        // SAFETY: an owned result; both only read it.
        let (buffer, bytes) =
            unsafe { ((call.chdb_result_buffer)(result), (call.chdb_result_length)(result)) };
        if buffer.is_null() || bytes == 0 {
            return &[];
        }
        // SAFETY: the buffer has this length, nobody writes to it, and it is freed only by `drop`.
        unsafe { std::slice::from_raw_parts(buffer, bytes) }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: destroyed once.
        unsafe { (self.library.functions.chdb_destroy_query_result)(self.result.as_ptr()) }
    }
}

/// A SELECT that is being fetched; cancelled when dropped before its end.
pub(super) struct RawSelect<'a> {
    stream: Chunk,
    connection: &'a mut RawConnection,
    ended: bool,
}

impl RawSelect<'_> {
    /// The next piece of the answer, formatted for itself; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Chunk>, String> {
        let library = &self.connection.library;
        // SAFETY: the stream belongs to this open connection, and `&mut` keeps fetches apart.
        let answer = unsafe {
            (library.functions.chdb_stream_fetch_result)(self.connection.raw(), self.stream.result.as_ptr())
        };
        let chunk = Chunk::new(library, answer);
        self.ended = chunk.as_ref().map_or(true, |chunk| chunk.as_ref().is_empty());
        Ok(Some(chunk?).filter(|_| !self.ended))
    }
}

impl Drop for RawSelect<'_> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let (call, stream) = (&self.connection.library.functions, self.stream.result.as_ptr());
        // SAFETY: the stream belongs to this open connection; its result is destroyed after this.
        unsafe { (call.chdb_stream_cancel_query)(self.connection.raw(), stream) }
    }
}

/// An INSERT that takes its data in pieces; cancelled when dropped before `finish`.
pub(super) struct RawInsert<'a> {
    stream: NonNull<c_void>,
    connection: &'a mut RawConnection,
    open: bool,
}

impl RawInsert<'_> {
    fn error(&self) -> Option<String> {
        // SAFETY: the stream is destroyed only on drop; the text is copied.
        text(unsafe { (self.connection.library.functions.chdb_stream_insert_error)(self.stream.as_ptr()) })
    }

    /// Hands over the next bytes; waits while the engine is behind.
    pub(super) fn append(&mut self, data: &[u8]) -> Result<(), String> {
        let append = self.connection.library.functions.chdb_stream_append;
        // SAFETY: an open stream; the bytes are copied before the call returns.
        let state = unsafe { append(self.stream.as_ptr(), data.as_ptr().cast(), data.len()) };
        if state == 0 {
            return Ok(());
        }
        Err(self.error().unwrap_or_else(|| "the engine refused the data".into()))
    }

    /// Ends the data and waits until it is written.
    pub(super) fn finish(mut self) -> Result<Statistics, String> {
        self.open = false;
        let library = &self.connection.library;
        // SAFETY: an open stream; ends it once, since `finish` consumes it.
        let answer = unsafe { (library.functions.chdb_stream_done)(self.stream.as_ptr()) };
        Chunk::new(library, answer).map(|chunk| chunk.statistics())
    }
}

impl Drop for RawInsert<'_> {
    fn drop(&mut self) {
        let call = &self.connection.library.functions;
        // SAFETY: the header wants every stream destroyed once, and cancelled first if it is still open.
        unsafe {
            if self.open {
                (call.chdb_stream_cancel_insert)(self.stream.as_ptr());
            }
            (call.chdb_destroy_insert_stream)(self.stream.as_ptr());
        }
    }
}
