// Named members of a zip archive (a Python wheel) to files: exactly the sizes and digests asked for, or nothing.
//
// Only members that are asked for are looked at, and only so many bytes of each as were expected, so neither a member
// called "../x", nor a lying size, nor a bomb has any effect beyond an error. Thread-safety: one thread per archive
// file. Cost: one pass over the members; memory is one buffer. Internal to the module.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "asterism/cancel.hpp"
#include "hub/hub.hpp"

namespace asterism {

// Extracts `prefix`/`file.path` of every file to `folder`/`file.path`. kCorrupt for an archive that contradicts itself,
// kNotFound for a missing member, kMismatch for another size or SHA-256, kInvalidArgument for a path that leaves
// `folder`.
Result<void> extract_members(const std::filesystem::path& archive, std::string_view prefix,
                             std::span<const CatalogueFile> files, const std::filesystem::path& folder,
                             const CancelFlag* cancel);

}  // namespace asterism
