// Error numbers: Emscripten reports WASI's, MicroPython's `errno` holds Linux's; this maps
// the returns of the file-system imports.  WASI preview 1 "errno"; Linux asm-generic/errno.h.

const LINUX_BY_WASI = {
  1: 7, 2: 13, 6: 11, 8: 9, 10: 16, 20: 17, 22: 27, 27: 4, 28: 22, 29: 5, 31: 21, 32: 40,
  33: 24, 34: 31, 37: 36, 41: 23, 43: 19, 44: 2, 48: 12, 51: 28, 52: 38, 54: 20, 55: 39,
  58: 95, 59: 25, 63: 1, 64: 32, 69: 30, 70: 29, 71: 3, 75: 18,
};

// Node's error codes (strings) to WASI, for errors that the host's file system raises.
const WASI_BY_NAME = {
  E2BIG: 1, EACCES: 2, EAGAIN: 6, EBADF: 8, EBUSY: 10, EEXIST: 20, EFBIG: 22, EINVAL: 28,
  EIO: 29, EISDIR: 31, ELOOP: 32, EMFILE: 33, EMLINK: 34, ENAMETOOLONG: 37, ENFILE: 41,
  ENODEV: 43, ENOENT: 44, ENOMEM: 48, ENOSPC: 51, ENOSYS: 52, ENOTDIR: 54, ENOTEMPTY: 55,
  EPERM: 63, EPIPE: 64, EROFS: 69, ESPIPE: 70, EXDEV: 75,
};

export const EROFS = WASI_BY_NAME.EROFS;
export const ENOENT = WASI_BY_NAME.ENOENT;

// Linux number of a WASI one; unknown numbers pass unchanged.
export function linuxErrno(wasi) {
  return LINUX_BY_WASI[wasi] ?? wasi;
}

// WASI number of an exception that `fs` threw; EIO when it is none we know.
export function wasiErrno(error) {
  return WASI_BY_NAME[error?.code] ?? WASI_BY_NAME.EIO;
}

// Wraps the file-system imports by name.  `env` and `wasi_snapshot_preview1` are one object in
// this build, so nothing else may be mapped: the returns of invoke_* are no error numbers.
export function mapErrnos(imports) {
  const mapped = { ...imports };
  for (const [name, call] of Object.entries(imports)) {
    if (name.startsWith("__syscall_")) {
      mapped[name] = (...args) => {
        const result = call(...args);
        return result < 0 ? -linuxErrno(-result) : result;
      };
    } else if (name.startsWith("fd_")) {
      mapped[name] = (...args) => {
        const result = call(...args);
        return result > 0 ? linuxErrno(result) : result;
      };
    }
  }
  return mapped;
}
