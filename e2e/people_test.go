package e2e

// peopleCode is a configuration with users and group mappings: roles attached
// to both, the older lists of policies on both, and both looked up.
const peopleCode = `
resource "spacelift_user" "carol" {
  username         = "carol"
  invitation_email = "carol@example.com"
}
resource "spacelift_user" "dave" {
  username         = "dave"
  invitation_email = "dave@example.com"
  policy {
    space_id = spacelift_space.apps.id
    role     = %[3]q
  }
  policy {
    space_id = "legacy"
    role     = "READ"
  }
}
resource "spacelift_idp_group_mapping" "devops" {
  name        = "DevOps"
  description = %[2]q
}
resource "spacelift_idp_group_mapping" "older" {
  name = "older"
  policy {
    space_id = spacelift_space.infra.id
    role     = "ADMIN"
  }
}
data "spacelift_role" "reader" { slug = "space-reader" }
resource "spacelift_role_attachment" "user" {
  user_id  = spacelift_user.carol.id
  role_id  = data.spacelift_role.reader.role_id
  space_id = spacelift_space.apps.id
}
resource "spacelift_role_attachment" "user_with_policy" {
  user_id  = spacelift_user.dave.id
  role_id  = spacelift_role.operator.id
  space_id = spacelift_space.apps.id
}
resource "spacelift_role_attachment" "group" {
  idp_group_mapping_id = spacelift_idp_group_mapping.devops.id
  role_id              = data.spacelift_role.reader.role_id
  space_id             = spacelift_space.apps.id
}
data "spacelift_user" "dave" {
  username   = "dave"
  depends_on = [spacelift_user.dave]
}
data "spacelift_idp_group_mapping" "devops" {
  name       = "DevOps"
  depends_on = [spacelift_idp_group_mapping.devops]
}
output "dave" { value = data.spacelift_user.dave.policy }
`
