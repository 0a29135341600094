#pragma once

#include "ops/op.h"

namespace sanderling {

// The operator behind NodeSpec::custom.
const OpDef* custom_op();

}  // namespace sanderling
