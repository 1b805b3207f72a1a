package report

import (
	_ "embed"
)

var (
	//go:embed schema/audit-1.json
	auditSchema string
	//go:embed schema/check-1.json
	checkSchema string
)

// JSONSchema returns the JSON Schema (draft 2020-12) of a schema of this
// package, AuditSchema or CheckSchema, and "" for others. That of CheckSchema
// refers to that of AuditSchema.
func JSONSchema(schema string) string {
	switch schema {
	case AuditSchema:
		return auditSchema
	case CheckSchema:
		return checkSchema
	}
	return ""
}
