import { type Failure, failure } from '../outcome.ts';

/** The errno name of a Node error, or null for any other exception: that one is a bug and goes on up. */
export function errnoOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}

/** What a failed system call on `path` means to the person who has to mend it. */
export function fileFailure(path: string, errno: string, doing: string): Failure {
  const detail = `${doing} ${path}: ${errno}`;
  switch (errno) {
    case 'ENOSPC':
    case 'EDQUOT':
      return failure('disk-full', 'No space left', detail, `make room (df -h ${path}), then run fleet apply again`);
    case 'EROFS':
      return failure(
        'read-only',
        'The file system is read-only',
        detail,
        'remount it writable, then run fleet apply again',
      );
    case 'EACCES':
    case 'EPERM':
      return failure(
        'denied',
        'Permission denied',
        detail,
        `make it yours and writable (ls -ld ${path}), then run fleet apply again`,
      );
    case 'ELOOP':
      return symlinkFailure(path);
    default: {
      const look = errno === 'EIO' ? 'see what the kernel says of that disk (dmesg)' : `look at it (ls -ld ${path})`;
      const remedy = `${look}, then run fleet apply again`;
      return failure('file-error', 'A file could not be read or written', detail, remedy);
    }
  }
}

export function symlinkFailure(path: string): Failure {
  return failure(
    'symbolic-link',
    'A symbolic link is in the way',
    `${path} is a symbolic link: fleet neither writes through it nor replaces it`,
    `put a regular file there (cp --remove-destination "$(readlink -f ${path})" ${path})`,
  );
}
