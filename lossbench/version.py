"""The version of the package, read by nothing that a result depends on."""

VERSION = "0.2.0"
