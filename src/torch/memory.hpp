// How the process deals with memory that torch frees.
#pragma once

namespace asterism {

// Keeps it for the next step instead of giving it back. A step allocates and frees the same hundreds of megabytes as
// the one before; given back, the kernel clears every page of them again, which takes a third of a ResNet's step. Of
// the whole process and for good, so for a process that learns; does nothing outside glibc. Any thread.
void keep_freed_memory() noexcept;

}  // namespace asterism
