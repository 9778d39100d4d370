// A device whose memory the host cannot read, for what is only wrong where parameters lie on a GPU.
//
// It stands in for CUDA where no GPU is: torch's key for devices of others (PrivateUse1), every op done by torch's CPU
// kernels. Addresses of its tensors are far from any memory, so that a host that reads them crashes, and an op that is
// given tensors of both devices throws, as CUDA's kernels do (single numbers of the host are let through, as there).
// What it does not show: CUDA's own kernels, their order of summation, cuDNN, streams, and autocast on a GPU.
#pragma once

#include <c10/core/Device.h>

namespace asterism {

// Registered with torch when the test program starts.
at::Device far_device();

}  // namespace asterism
