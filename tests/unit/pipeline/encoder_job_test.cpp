#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/embed_job.hpp"

namespace asterism {
namespace {

using testing::IsSupersetOf;
using testing::Pair;

TEST(JobSettings, encoder_options_name_what_the_info_does_not) {
  EncoderOptions options;
  options.prompt_name = "query";
  options.layers = {"encoder.layer.3"};
  options.batch_invariant = true;
  EXPECT_THAT(job_settings(options), IsSupersetOf({Pair("prompt_name", "query"), Pair("layer", "encoder.layer.3"),
                                                   Pair("batch_invariant", "true")}));
}

}  // namespace
}  // namespace asterism
