// The BLAS that torch multiplies matrices with, where it is OpenBLAS. Private to src/torch.
//
// Debian's libtorch uses whatever libblas.so.3 is installed. OpenBLAS has threads of its own that torch does not count,
// and the plain one is some 30 times slower.
#pragma once

namespace asterism {

enum class BlasKind { kOpenBlas, kOther, kReference };

BlasKind blas_kind();

// Of OpenBLAS, for the whole process; nothing for another BLAS, which takes torch's own count.
void set_blas_thread_count(int count);

}  // namespace asterism
