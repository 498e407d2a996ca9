targetScope = 'subscription'

@description('Name of the azd environment; part of every resource\'s name.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Region of all resources. Serverless GPUs are offered in some regions only.')
param location string

@description('Workload profile of the workers: one GPU a replica, or Consumption for workers without one.')
@allowed(['Consumption-GPU-NC8as-T4', 'Consumption-GPU-NC24-A100', 'Consumption'])
param workloadProfile string = 'Consumption-GPU-NC24-A100'

@description('Replicas that always run. The Azure Storage backend needs one; it also answers HTTP and drives the orchestrations.')
@minValue(1)
param minReplicas int = 1

@description('The most replicas, and so the most GPUs, at once.')
@minValue(1)
@maxValue(1000)
param maxReplicas int = 10

@description('The Durable Task Scheduler instead of queues and tables of the storage account. The image must be built for it.')
param useDurableTaskScheduler bool = false

@description('A topic of Event Grid, to which the app publishes the events of its runs.')
param publishEvents bool = false

@description('Size in GiB, 100 at least, of a share that all workers mount at /models, half for models and half for the cache of checkpoints; 0 for none.')
@minValue(0)
param shareSize int = 0

@description('Folders of the container, separated by \';\', that the paths of a spec may lead into.')
param modelRoots string = '/models'

@description('YAML file of the container with the evaluators that specs may name; empty for the built-in one alone.')
param evaluators string = ''

@description('Image of the app; empty before the first deployment, when azd has not pushed one yet.')
param image string = ''

var suffix = uniqueString(subscription().id, environmentName, location)
var tags = { 'azd-env-name': environmentName }

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  scope: group
  params: { name: 'id-${suffix}', location: location, tags: tags }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  params: { suffix: suffix, location: location, tags: tags }
}

module storage 'modules/storage.bicep' = {
  scope: group
  params: { name: 'st${suffix}', location: location, tags: tags, principalId: identity.outputs.principalId }
}

module registry 'modules/registry.bicep' = {
  scope: group
  params: { name: 'cr${suffix}', location: location, tags: tags, principalId: identity.outputs.principalId }
}

module scheduler 'modules/scheduler.bicep' = if (useDurableTaskScheduler) {
  scope: group
  params: { name: 'dts-${suffix}', location: location, tags: tags, principalId: identity.outputs.principalId }
}

module events 'modules/events.bicep' = if (publishEvents) {
  scope: group
  params: { name: 'evgt-${suffix}', location: location, tags: tags, principalId: identity.outputs.principalId }
}

module share 'modules/share.bicep' = if (shareSize > 0) {
  scope: group
  params: { name: 'fs${suffix}', networkName: 'vnet-${suffix}', location: location, tags: tags, size: max(100, shareSize) }
}

module environment 'modules/environment.bicep' = {
  scope: group
  params: {
    name: 'cae-${suffix}'
    location: location
    tags: tags
    workloadProfile: workloadProfile
    workspaceName: monitoring.outputs.workspaceName
    insightsName: monitoring.outputs.insightsName
    subnetId: share.?outputs.subnetId ?? ''
    shareServer: share.?outputs.server ?? ''
    sharePath: share.?outputs.path ?? ''
  }
}

module app 'modules/app.bicep' = {
  scope: group
  params: {
    name: 'ca-${suffix}'
    location: location
    tags: union(tags, { 'azd-service-name': 'functions' })
    environmentId: environment.outputs.id
    workloadProfile: workloadProfile
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    registryServer: registry.outputs.loginServer
    image: image
    storageName: storage.outputs.name
    share: environment.outputs.share
    shareSize: shareSize
    storeUri: storage.outputs.blobEndpoint
    modelRoots: modelRoots
    evaluators: evaluators
    insightsName: monitoring.outputs.insightsName
    schedulerEndpoint: scheduler.?outputs.endpoint ?? ''
    topicEndpoint: events.?outputs.endpoint ?? ''
    minReplicas: minReplicas
    maxReplicas: maxReplicas
  }
}

// Read by azd: where images are pushed.
output AZURE_CONTAINER_REGISTRY_ENDPOINT string = registry.outputs.loginServer
output AZURE_RESOURCE_GROUP string = group.name
// Read by the hook in azure.yaml.
output PEDIGREE_APP string = app.outputs.id
output PEDIGREE_SCALING string = app.outputs.scaling
output PEDIGREE_URL string = app.outputs.url
output PEDIGREE_STORE string = storage.outputs.blobEndpoint
