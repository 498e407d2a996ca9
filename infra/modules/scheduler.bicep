// The Durable Task Scheduler, where it takes the place of the storage account's queues and tables.
param name string
param location string
param tags object
param principalId string

resource scheduler 'Microsoft.DurableTask/schedulers@2025-11-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    ipAllowlist: ['0.0.0.0/0']
    sku: { name: 'Consumption' }
  }
}

resource hub 'Microsoft.DurableTask/schedulers/taskHubs@2025-11-01' = {
  parent: scheduler
  name: 'pedigree'
}

var durableTaskDataContributor = '0ad04412-c4d5-4796-b79c-f76d14c8d402'

// The app both starts orchestrations and works on them.
resource grant 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: hub
  name: guid(hub.id, principalId, durableTaskDataContributor)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', durableTaskDataContributor)
    description: 'Durable Task Data Contributor'
  }
}

output endpoint string = scheduler.properties.endpoint
