// What tells a model's files from those of another under the same name. Thread-safety: pure. Cost: reads them once.
#pragma once

#include <string>

#include "asterism/error.hpp"

namespace asterism {

// Hexadecimal SHA-256 over names and contents of the model's files (EncoderInfo::folder), so that vectors of a model
// that was trained further under the same name are not mixed. Empty for the models inside the program.
Result<std::string> model_digest(const std::string& folder);

}  // namespace asterism
