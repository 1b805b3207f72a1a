package report

import (
	_ "embed"
)

//go:embed schema/audit-1.json
var auditSchema string

// AuditJSONSchema returns the JSON Schema (draft 2020-12) of AuditSchema.
func AuditJSONSchema() string { return auditSchema }
