// What tells a model's files from those of another under the same name. Thread-safety: pure. Cost: reads them once;
// of the models inside the program nothing.
#pragma once

#include <string>

#include "asterism/encoder.hpp"
#include "asterism/error.hpp"

namespace asterism {

// Hexadecimal SHA-256 over names and contents of the model's files (EncoderInfo::folder), so that vectors of a model
// that was trained further under the same name are not mixed.
Result<std::string> files_digest(const std::string& folder);

// files_digest() of the model's folder; of a model inside the program that of the files it was built with.
Result<std::string> model_digest(const EncoderInfo& info);

}  // namespace asterism
