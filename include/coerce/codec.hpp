/// \file
/// Messages to bytes and back.

#pragma once

#include <coerce/codec/bytes.hpp>
