// Images of the app. The app pulls as its identity; the administrator's password is off.
param name string
param location string
param tags object
param principalId string

resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: 'Premium' } // artifact streaming: an image with CUDA has several GB
  properties: {
    adminUserEnabled: false
  }
}

var acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d'

resource grant 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: registry
  name: guid(registry.id, principalId, acrPull)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPull)
    description: 'AcrPull'
  }
}

output loginServer string = registry.properties.loginServer
