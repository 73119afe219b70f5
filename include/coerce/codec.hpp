/// \file
/// Messages to bytes and back.

#pragma once

#include <coerce/codec/bytes.hpp>
#include <coerce/codec/codec.hpp>
