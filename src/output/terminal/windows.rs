//! The console of Windows: whether it reads escape sequences, and what is typed before a question or after its answer.
#![expect(
    unsafe_code,
    reason = "a console's modes and input have no safe interface"
)]

use std::sync::LazyLock;

use windows_sys::Win32::System::Console::{
    CONSOLE_MODE, ENABLE_PROCESSED_OUTPUT, ENABLE_VIRTUAL_TERMINAL_PROCESSING,
    FlushConsoleInputBuffer, GetConsoleMode, GetStdHandle, INPUT_RECORD, KEY_EVENT,
    PeekConsoleInputW, STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, SetConsoleMode,
};

/// Asked once: a console is told to read them, which those before Windows 10 cannot.
static READS_ESCAPES: LazyLock<bool> = LazyLock::new(|| {
    let mut mode: CONSOLE_MODE = 0;
    // SAFETY: a handle that is none makes the call fail, and the mode lives through it.
    let (output, is_console) = unsafe {
        let output = GetStdHandle(STD_OUTPUT_HANDLE);
        (output, GetConsoleMode(output, &mut mode) != 0)
    };
    let wanted = mode | ENABLE_PROCESSED_OUTPUT | ENABLE_VIRTUAL_TERMINAL_PROCESSING;
    // A terminal that is no console, as mintty, reads them anyway.
    // SAFETY: as above.
    !is_console || mode == wanted || unsafe { SetConsoleMode(output, wanted) != 0 }
});

/// Whether the terminal that stdout is can be coloured and drawn over.
pub fn reads_escapes() -> bool {
    *READS_ESCAPES
}

/// Whether stdin is a console. The terminal of Git and MSYS is a pipe by that name: what was typed before a question cannot be
/// told there from the answer.
pub fn reads_lines() -> bool {
    let mut mode: CONSOLE_MODE = 0;
    // SAFETY: a handle that is none makes the call fail, and the mode lives through it.
    unsafe { GetConsoleMode(GetStdHandle(STD_INPUT_HANDLE), &mut mode) != 0 }
}

/// Forgets what was typed and not read.
pub fn forget_input() {
    // SAFETY: a handle that is none makes the call fail: then there is no console, and nothing to forget.
    let _ = unsafe { FlushConsoleInputBuffer(GetStdHandle(STD_INPUT_HANDLE)) };
}

/// Whether a character was typed and not read.
pub fn has_input() -> bool {
    let mut events = [INPUT_RECORD::default(); 128];
    let mut count = 0;
    // SAFETY: there is room for as many as it is told, and a handle that is none makes the call fail.
    let looked = unsafe {
        let input = GetStdHandle(STD_INPUT_HANDLE);
        PeekConsoleInputW(input, events.as_mut_ptr(), events.len() as u32, &mut count) != 0
    };
    let count = if looked { count as usize } else { 0 };
    events.iter().take(count).any(|event| {
        let is_key = u32::from(event.EventType) == KEY_EVENT;
        // SAFETY: the type of the event says that it is a key's, and any bits are a character.
        is_key
            && unsafe {
                let key = event.Event.KeyEvent;
                key.bKeyDown != 0 && key.uChar.UnicodeChar != 0
            }
    })
}
