// A folder of the host as a file system of the VM: every call goes straight through, so what the
// firmware wrote is on the host at once and outlives the process.

import fs from "node:fs";
import path from "node:path";
import { EROFS, wasiErrno } from "./errno.mjs";

const O_CREAT = 0o100, O_EXCL = 0o200, O_TRUNC = 0o1000, O_APPEND = 0o2000, O_ACCMODE = 3;

// Emscripten hands over Linux's open(2) flags; the host may number them otherwise.
function hostFlags(flags) {
  const mode = [fs.constants.O_RDONLY, fs.constants.O_WRONLY, fs.constants.O_RDWR];
  let out = mode[flags & O_ACCMODE];
  if (flags & O_CREAT) out |= fs.constants.O_CREAT;
  if (flags & O_EXCL) out |= fs.constants.O_EXCL;
  if (flags & O_TRUNC) out |= fs.constants.O_TRUNC;
  if (flags & O_APPEND) out |= fs.constants.O_APPEND;
  return out;
}

// `type` for FS.mount: FS.mount(hostFolder(FS, "/some/folder"), {}, "/flash").
// readOnly: every change is refused with EROFS.
export function hostFolder(FS, root, { readOnly = false } = {}) {
  const guard = (call) => {
    try {
      return call();
    } catch (error) {
      if (error instanceof FS.ErrnoError) throw error;
      throw new FS.ErrnoError(wasiErrno(error));
    }
  };
  const change = (call) => {
    if (readOnly) throw new FS.ErrnoError(EROFS);
    return guard(call);
  };

  function hostPath(node, name) {
    const parts = name === undefined ? [] : [name];
    for (; node.parent !== node; node = node.parent) parts.push(node.name);
    return path.join(root, ...parts.reverse());
  }

  function makeNode(parent, name, mode) {
    const node = FS.createNode(parent, name, mode, 0);
    node.node_ops = nodeOps;
    node.stream_ops = streamOps;
    return node;
  }

  const nodeOps = {
    getattr(node) {
      const stat = guard(() => fs.statSync(hostPath(node)));
      return {
        dev: 1, ino: node.id, mode: stat.mode, nlink: stat.nlink, uid: 0, gid: 0, rdev: 0,
        size: stat.size, atime: stat.atime, mtime: stat.mtime, ctime: stat.ctime,
        blksize: 4096, blocks: Math.ceil(stat.size / 4096),
      };
    },
    setattr(node, attr) {
      if (attr.size !== undefined) change(() => fs.truncateSync(hostPath(node), attr.size));
    },
    lookup(parent, name) {
      const stat = guard(() => fs.statSync(hostPath(parent, name)));
      return makeNode(parent, name, stat.mode);
    },
    mknod(parent, name, mode) {
      const target = hostPath(parent, name);
      change(() => {
        if (FS.isDir(mode)) fs.mkdirSync(target);
        else fs.closeSync(fs.openSync(target, "wx"));
      });
      return makeNode(parent, name, mode);
    },
    rename(node, parent, name) {
      change(() => fs.renameSync(hostPath(node), hostPath(parent, name)));
      // the replaced file's cached node must go, or the name would stand for two nodes
      let replaced = null;
      try {
        replaced = FS.lookupNode(parent, name);
      } catch {
        replaced = null;
      }
      if (replaced && replaced !== node) FS.hashRemoveNode(replaced);
      node.name = name;
    },
    unlink: (parent, name) => change(() => fs.unlinkSync(hostPath(parent, name))),
    rmdir: (parent, name) => change(() => fs.rmdirSync(hostPath(parent, name))),
    readdir: (node) => [".", "..", ...guard(() => fs.readdirSync(hostPath(node)).sort())],
  };

  const streamOps = {
    open(stream) {
      if (!FS.isFile(stream.node.mode)) return;
      const flags = hostFlags(stream.flags) & ~(fs.constants.O_EXCL | fs.constants.O_CREAT);
      if (readOnly && (stream.flags & O_ACCMODE)) throw new FS.ErrnoError(EROFS);
      stream.nfd = guard(() => fs.openSync(hostPath(stream.node), flags));
    },
    close(stream) {
      if (stream.nfd !== undefined) guard(() => fs.closeSync(stream.nfd));
    },
    read: (stream, buffer, offset, length, position) =>
      length === 0 ? 0 : guard(() => fs.readSync(stream.nfd, buffer, offset, length, position)),
    write: (stream, buffer, offset, length, position) =>
      change(() => fs.writeSync(stream.nfd, buffer, offset, length, position)),
    llseek(stream, offset, whence) {
      let position = offset;
      if (whence === 1) position += stream.position;
      else if (whence === 2) position += guard(() => fs.fstatSync(stream.nfd).size);
      if (position < 0) throw new FS.ErrnoError(28);
      return position;
    },
    fsync: () => 0,
  };

  return {
    mount(mount) {
      fs.mkdirSync(root, { recursive: true });
      const node = makeNode(null, "/", 0o40777);
      node.mount = mount;
      return node;
    },
  };
}

// Bytes that the folder's files would take on a device with 4096-byte blocks.
export function usedBlocks(root) {
  let blocks = 2; // littlefs keeps the root in a pair of blocks
  for (const entry of fs.readdirSync(root, { withFileTypes: true })) {
    const full = path.join(root, entry.name);
    if (entry.isDirectory()) blocks += usedBlocks(full);
    else if (entry.isFile()) blocks += Math.ceil(fs.statSync(full).size / 4096);
  }
  return blocks;
}
